// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.fs;

/**
 * Who owns the files of a shared folder, on the host and as the guest sees it.
 *
 * <table>
 * <caption>What the choices mean</caption>
 * <tr><th></th><th>{@link Guest}</th><th>{@link Squashed}</th></tr>
 * <tr><td>owner that the guest sees</td><td>the host's</td><td>always the same user and group</td></tr>
 * <tr><td>owner of what it makes</td><td>the guest's user</td><td>who runs the machine</td></tr>
 * <tr><td>changes of the owner</td><td>as the host's root</td><td>refused with EPERM, but for one to what it is</td></tr>
 * <tr><td>set-user-ID and set-group-ID bits</td><td>the host's</td><td>files get none: on the host they would be
 * privileges of who runs the machine, for everybody who can run the file</td></tr>
 * <tr><td>extended attributes</td><td>user, trusted, security.capability</td><td>user</td></tr>
 * <tr><td>takes</td><td>root, with its privileges</td><td>nothing</td></tr>
 * </table>
 *
 * <p>In both, the guest decides by mode and owner who of its users may do what: the host's permissions bind the machine as
 * a whole.
 */
public sealed interface FolderOwnership {
    /** The guest's users and groups are the host's, by number. Set-user-ID programs of the guest are the host's as well. */
    record Guest() implements FolderOwnership {}

    /**
     * All files belong to one user of the guest, and to whoever runs the machine on the host.
     *
     * @param uid the user that the guest sees
     * @param gid the group that the guest sees
     */
    record Squashed(int uid, int gid) implements FolderOwnership {}

    /** All files belong to the guest's root. */
    FolderOwnership ROOT = new Squashed(0, 0);

    /** As the guest says. */
    FolderOwnership GUEST = new Guest();
}
