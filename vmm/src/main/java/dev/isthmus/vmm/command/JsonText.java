// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.util.Locale;

/** Writes JSON (RFC 8259), indented, in the order of the calls. One thread. */
final class JsonText {
    private final StringBuilder text = new StringBuilder();
    private int depth;
    private boolean first = true;

    /** Begins an object, which is the whole text or an element of an array. */
    JsonText beginObject() {
        element();
        return open('{');
    }

    /** Begins an object that is a member of another. */
    JsonText beginObject(String name) {
        member(name);
        return open('{');
    }

    JsonText endObject() {
        return close('}');
    }

    /** Begins an array that is the whole text. */
    JsonText beginArray() {
        element();
        return open('[');
    }

    /** Begins an array that is a member of an object. */
    JsonText beginArray(String name) {
        member(name);
        return open('[');
    }

    JsonText endArray() {
        return close(']');
    }

    JsonText field(String name, String value) {
        member(name);
        string(value);
        return this;
    }

    JsonText field(String name, long value) {
        member(name);
        text.append(value);
        return this;
    }

    JsonText field(String name, boolean value) {
        member(name);
        text.append(value);
        return this;
    }

    private JsonText open(char bracket) {
        text.append(bracket);
        depth++;
        first = true;
        return this;
    }

    private JsonText close(char bracket) {
        depth--;
        if (!first) {
            newLine();
        }
        text.append(bracket);
        first = false;
        return this;
    }

    private void element() {
        if (!first) {
            text.append(',');
        }
        if (depth > 0) {
            newLine();
        }
        first = false;
    }

    private void member(String name) {
        element();
        string(name);
        text.append(": ");
    }

    private void newLine() {
        text.append('\n').repeat("    ", depth);
    }

    private void string(String value) {
        quote(text, value);
    }

    /** Appends a string with its quotation marks. */
    static void quote(StringBuilder text, String value) {
        text.append('"');
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            if (c == '"' || c == '\\') {
                text.append('\\').append(c);
            } else if (c < ' ') {
                text.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
            } else {
                text.append(c);
            }
        }
        text.append('"');
    }

    @Override
    public String toString() {
        return text + "\n";
    }
}
