// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

/**
 * Takes the escape keys out of what is typed at a terminal: Ctrl-a and a key, those of QEMU.
 *
 * <pre>
 *  Ctrl-a x       quit             Ctrl-a b       send a break
 *  Ctrl-a h, ?    help             Ctrl-a Ctrl-a  send Ctrl-a
 * </pre>
 *
 * <p>Other keys after Ctrl-a are swallowed. The two may come in different reads. Not thread-safe.
 */
public final class EscapeFilter {
    /** {@link #filter} gives a byte for the guest below this. */
    static final int FIRST_EVENT = 0x100;

    /** Nothing for the guest. */
    static final int NOTHING = FIRST_EVENT;

    /** The guest is to see a break. */
    static final int BREAK = FIRST_EVENT + 1;

    private static final int CTRL_A = 0x01;

    /** What the keys do. Called on the loop's thread; returns at once. */
    public interface Actions {
        /** The user wants the VM to end. */
        void quit();

        /** The user wants to see the keys. */
        void help();
    }

    private final Actions actions;
    private boolean escaped;

    /** Makes a filter that has seen nothing. */
    public EscapeFilter(Actions actions) {
        this.actions = actions;
    }

    /**
     * Takes a byte that was typed, and acts on escape keys.
     *
     * @param typed 0 to 255
     * @return a byte for the guest, {@link #NOTHING} or {@link #BREAK}
     */
    int filter(int typed) {
        if (!escaped) {
            escaped = typed == CTRL_A;
            return escaped ? NOTHING : typed;
        }
        escaped = false;
        switch (typed) {
            case CTRL_A -> {
                return CTRL_A;
            }
            case 'b' -> {
                return BREAK;
            }
            case 'x' -> actions.quit();
            case 'h', '?' -> actions.help();
            default -> {
                // No such key.
            }
        }
        return NOTHING;
    }
}
