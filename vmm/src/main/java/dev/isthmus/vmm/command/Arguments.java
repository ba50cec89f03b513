// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;

/** The arguments of one command as the user gave them: texts by option, and what is no option. Main thread. */
final class Arguments {
    private final String command;
    private final Map<String, List<String>> valuesByOption = new HashMap<>();
    private final List<String> operands = new ArrayList<>();

    Arguments(String command) {
        this.command = command;
    }

    /** Returns the command's name, such as {@code run}. */
    String command() {
        return command;
    }

    /** Tells whether an option is there. */
    boolean has(CommandOption option) {
        return valuesByOption.containsKey(option.name());
    }

    /** Returns an option's value, or null where it is not there. */
    @Nullable String value(CommandOption option) {
        List<String> values = valuesByOption.get(option.name());
        return values == null ? null : values.get(0);
    }

    /** Returns all values of an option in their order. */
    List<String> values(CommandOption option) {
        List<String> values = valuesByOption.get(option.name());
        return values == null ? List.of() : values;
    }

    /** Returns what is no option. */
    List<String> operands() {
        return operands;
    }

    /** Adds an option with its value, which is empty for one without. */
    void add(CommandOption option, String value) {
        List<String> values = valuesByOption.get(option.name());
        if (values == null) {
            values = new ArrayList<>(1);
            valuesByOption.put(option.name(), values);
        }
        values.add(value);
    }

    void addOperand(String operand) {
        operands.add(operand);
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof Arguments that
                && command.equals(that.command)
                && valuesByOption.equals(that.valuesByOption)
                && operands.equals(that.operands);
    }

    @Override
    public int hashCode() {
        return command.hashCode() + 31 * valuesByOption.hashCode() + 961 * operands.hashCode();
    }

    @Override
    public String toString() {
        return command + " " + valuesByOption + " " + operands;
    }
}
