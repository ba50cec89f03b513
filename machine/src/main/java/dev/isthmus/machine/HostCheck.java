// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

/**
 * One thing that was checked about the host.
 *
 * @param subject what was checked, a few words
 * @param result how it came out
 * @param detail what was found, one line
 * @param remedy what the user can do about it: whole sentences, empty where there is nothing to do
 */
public record HostCheck(String subject, Result result, String detail, String remedy) {
    /** How a check can come out. */
    public enum Result {
        /** As it should be. */
        OK,
        /** VMs run, but the user should know. */
        NOTE,
        /** VMs can't run. */
        FAILED
    }

    /** Makes one that came out well. */
    public static HostCheck ok(String subject, String detail) {
        return new HostCheck(subject, Result.OK, detail, "");
    }

    /** Makes one that the user should know about. */
    public static HostCheck note(String subject, String detail, String remedy) {
        return new HostCheck(subject, Result.NOTE, detail, remedy);
    }

    /** Makes one that keeps VMs from running. */
    public static HostCheck failed(String subject, String detail, String remedy) {
        return new HostCheck(subject, Result.FAILED, detail, remedy);
    }
}
