/** A folder in memory, and the client's side of FUSE. */
@org.jspecify.annotations.NullMarked
package dev.isthmus.testing.fuse;
