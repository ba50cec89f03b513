// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block;

/** Is told how far long work is, and can end it. Called on the thread that asked for the work. */
public interface Progress {
    /** Nobody wants to know. */
    Progress NONE = new Progress() {
        @Override
        public void update(long doneBytes, long totalBytes) {}

        @Override
        public boolean cancelled() {
            return false;
        }
    };

    /** Is told how far it is; called several times a second. */
    void update(long doneBytes, long totalBytes);

    /** Tells whether the work is to end early; what was made of it until then is undone or left consistent. */
    boolean cancelled();

    /**
     * Tells how far it is, and ends the work where that is asked for.
     *
     * @throws ImageCancelledException where {@link #cancelled} says so
     */
    default void step(long doneBytes, long totalBytes) {
        update(doneBytes, totalBytes);
        if (cancelled()) {
            throw new ImageCancelledException();
        }
    }
}
