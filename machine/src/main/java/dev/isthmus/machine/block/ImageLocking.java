// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.block;

/** Whether image files are locked against other processes, and others' locks heeded. */
public enum ImageLocking {
    /** Yes; with a warning, and without locks, where the file system has none. */
    AUTO,
    /** No: the user knows better. */
    OFF
}
