// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

/** Messages of exceptions, for assertions. */
final class Messages {
    private Messages() {}

    static String of(Throwable e) {
        return String.valueOf(e.getMessage());
    }
}
