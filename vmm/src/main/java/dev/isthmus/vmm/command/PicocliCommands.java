// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * The commands as picocli knows them: help, version, completion, and every message about wrong arguments.
 *
 * <p>Built from the same {@link CommandOption}s that {@link ArgumentScanner} reads; no annotations, no reflection on
 * classes of ours. Picocli finds the texts, their meaning is checked elsewhere.
 */
final class PicocliCommands {
    static final String PROGRAM = "isthmus";

    private static final String COMPLETION = "completion";
    private static final String HELP = "help";
    private static final String OPERANDS = "COMMAND";

    /** Values are texts: what is a path is for completion to know, and no error of picocli's where it can't be one. */
    private static final CommandLine.ITypeConverter<Object> TEXT = text -> text;

    private PicocliCommands() {}

    /** Reads the arguments and runs the command; returns the exit status. */
    static int run(String[] args) throws Exception {
        CommandLine root = create();
        ParseResult result;
        try {
            result = root.parseArgs(args);
        } catch (ParameterException e) {
            Messages.line(wrongUsage(e));
            return ExitStatus.USAGE;
        }
        Integer help = CommandLine.executeHelpRequest(result);
        if (help != null) {
            StandardOutput.check();
            return ExitStatus.OK;
        }
        if (!result.hasSubcommand()) {
            root.usage(System.err);
            return ExitStatus.USAGE;
        }
        ParseResult command = result.subcommand();
        if (command.commandSpec().name().equals(HELP)) {
            return help(root, command.matchedPositionalValue(0, ""), command.matchedPositionalValue(1, ""));
        }
        if (command.commandSpec().name().equals(COMPLETION)) {
            StandardOutput.print(completion(root, command.matchedPositionalValue(0, "")));
            return ExitStatus.OK;
        }
        if (command.commandSpec().name().equals(ImageCommand.NAME) && !command.hasSubcommand()) {
            command.commandSpec().commandLine().usage(System.err);
            return ExitStatus.USAGE;
        }
        return Main.dispatch(arguments(command));
    }

    private static int help(CommandLine root, String command, String subcommand) {
        CommandLine about = command.isEmpty() ? root : root.getSubcommands().get(command);
        if (about != null && !subcommand.isEmpty()) {
            about = about.getSubcommands().get(subcommand);
        }
        if (about == null) {
            String asked = subcommand.isEmpty() ? command : command + " " + subcommand;
            Messages.line("unknown command '" + asked + "'; see '" + PROGRAM + " --help'");
            return ExitStatus.USAGE;
        }
        StandardOutput.print(about.getUsageMessage());
        return ExitStatus.OK;
    }

    /** Reads the arguments of a command as {@link ArgumentScanner} does. For tests. */
    static Arguments parse(String... args) {
        return arguments(create().parseArgs(args).subcommand());
    }

    /** Makes the whole tree of commands. */
    static CommandLine create() {
        CommandSpec root = CommandSpec.create().name(PROGRAM).mixinStandardHelpOptions(true);
        root.versionProvider(new VersionText());
        root.usageMessage()
                .description("Runs Linux and bare-metal guests on KVM.")
                .exitCodeListHeading("%nExit status:%n")
                .exitCodeList(ExitStatus.descriptions())
                .footer("", "Try '" + PROGRAM + " demo' first, and '" + PROGRAM + " doctor' if that fails.");
        root.addSubcommand(DemoCommand.NAME, demo());
        root.addSubcommand(RunCommand.NAME, command(
                RunCommand.NAME, "Runs a kernel until the guest ends.", CommandOptions.RUN, ExitStatus.descriptions()));
        root.addSubcommand(DoctorCommand.NAME, command(
                DoctorCommand.NAME,
                "Checks whether this host can run VMs: each check, its result, its remedy.",
                CommandOptions.DOCTOR,
                DoctorCommand.exitStatuses()));
        root.addSubcommand(ImageCommand.NAME, image());
        root.addSubcommand(COMPLETION, completionCommand());
        root.addSubcommand(HELP, helpCommand());
        CommandLine commandLine = new CommandLine(root);
        commandLine.setUsageHelpAutoWidth(true);
        // Values are the user's own: a path may begin with '@'.
        commandLine.setExpandAtFiles(false);
        return commandLine;
    }

    private static CommandSpec demo() {
        CommandSpec demo = command(
                DemoCommand.NAME,
                "Boots the bundled Linux guest to a shell, or runs one command in it.",
                CommandOptions.DEMO,
                ExitStatus.demoDescriptions());
        demo.addPositional(PositionalParamSpec.builder()
                .index("0..*")
                .arity("0..*")
                .paramLabel(OPERANDS)
                .type(List.class)
                .auxiliaryTypes(String.class)
                .description("The command to run in the guest with its arguments; a shell where there is none.")
                .build());
        // What follows the command's name is the command's own.
        demo.parser().stopAtPositional(true);
        demo.usageMessage().customSynopsis("isthmus demo [OPTION]... [-- COMMAND [ARGUMENT]...]");
        return demo;
    }

    private static CommandSpec image() {
        CommandSpec image = CommandSpec.create().name(ImageCommand.NAME).mixinStandardHelpOptions(true);
        image.versionProvider(new VersionText());
        image.usageMessage()
                .description("Makes, examines and changes disk images.")
                .synopsisSubcommandLabel("COMMAND")
                .exitCodeListHeading("%nExit status:%n")
                .exitCodeList(ImageVerb.exitStatuses());
        for (ImageVerb verb : ImageVerb.values()) {
            CommandSpec spec = command(verb.verbName(), verb.description(), verb.options(), ImageVerb.exitStatuses());
            spec.usageMessage().customSynopsis(PROGRAM + " " + ImageCommand.NAME + " " + verb.synopsis());
            spec.addPositional(PositionalParamSpec.builder()
                    .index("0..*")
                    .arity("0..*")
                    .paramLabel("FILE")
                    .type(List.class)
                    .auxiliaryTypes(Path.class)
                    .converters(TEXT)
                    .description(verb.operands())
                    .build());
            // A negative size is no option.
            spec.parser().unmatchedOptionsArePositionalParams(verb == ImageVerb.RESIZE);
            image.addSubcommand(verb.verbName(), spec);
        }
        return image;
    }

    private static CommandSpec completionCommand() {
        CommandSpec completion = CommandSpec.create().name(COMPLETION).mixinStandardHelpOptions(true);
        completion.versionProvider(new VersionText());
        completion.usageMessage()
                .description("Prints the completion script for a shell.")
                .footer("", "bash: source <(isthmus completion bash)", "zsh:  source <(isthmus completion zsh)");
        completion.addPositional(PositionalParamSpec.builder()
                .index("0")
                .arity("1")
                .paramLabel("SHELL")
                .type(String.class)
                .completionCandidates(List.of("bash", "zsh"))
                .description("bash or zsh")
                .build());
        return completion;
    }

    private static CommandSpec helpCommand() {
        CommandSpec help = CommandSpec.create().name(HELP).mixinStandardHelpOptions(true);
        help.versionProvider(new VersionText());
        help.usageMessage().description("Prints the help of a command, or this list.");
        help.addPositional(PositionalParamSpec.builder()
                .index("0")
                .arity("0..1")
                .paramLabel(OPERANDS)
                .type(String.class)
                .completionCandidates(
                        List.of(DemoCommand.NAME, RunCommand.NAME, DoctorCommand.NAME, ImageCommand.NAME, COMPLETION))
                .description("The command to tell of.")
                .build());
        help.addPositional(PositionalParamSpec.builder()
                .index("1")
                .arity("0..1")
                .paramLabel("SUBCOMMAND")
                .type(String.class)
                .description("Its subcommand.")
                .build());
        return help;
    }

    private static CommandSpec command(
            String name, String description, CommandOption[] options, Map<String, String> exitStatuses) {
        CommandSpec spec = CommandSpec.create().name(name).mixinStandardHelpOptions(true);
        spec.versionProvider(new VersionText());
        spec.usageMessage()
                .description(description)
                .sortOptions(false)
                .exitCodeListHeading("%nExit status:%n")
                .exitCodeList(exitStatuses);
        for (CommandOption option : options) {
            spec.addOption(option(option));
        }
        return spec;
    }

    private static OptionSpec option(CommandOption option) {
        String shortName = option.shortName();
        OptionSpec.Builder builder = shortName == null
                ? OptionSpec.builder(option.name())
                : OptionSpec.builder(shortName, option.name());
        String[] description = new String[option.description().length];
        for (int i = 0; i < description.length; i++) {
            // Picocli reads descriptions as formats.
            description[i] = option.description()[i].replace("%", "%%");
        }
        builder.description(description);
        if (!option.hasValue()) {
            return builder.arity("0").type(boolean.class).build();
        }
        // Completion offers files for paths.
        Class<?> type = option.value() == CommandOption.Value.FILE ? Path.class : String.class;
        builder.arity("1").paramLabel(String.valueOf(option.valueLabel()));
        builder.converters(TEXT);
        if (option.repeatable()) {
            builder.type(List.class).auxiliaryTypes(type);
        } else {
            builder.type(type);
        }
        return builder.build();
    }

    private static Arguments arguments(ParseResult given) {
        ParseResult command = given;
        String name = given.commandSpec().name();
        if (given.hasSubcommand()) {
            command = given.subcommand();
            name = name + " " + command.commandSpec().name();
        }
        Arguments result = new Arguments(name);
        for (CommandOption option : options(result.command())) {
            OptionSpec matched = command.matchedOption(option.name());
            if (matched == null) {
                continue;
            }
            if (!option.hasValue()) {
                result.add(option, "");
                continue;
            }
            for (String value : matched.stringValues()) {
                result.add(option, value);
            }
        }
        List<PositionalParamSpec> positionals = command.matchedPositionals();
        if (!positionals.isEmpty()) {
            // There is one for all of them, which is listed again for what follows "--".
            for (String value : positionals.getFirst().stringValues()) {
                result.addOperand(value);
            }
        }
        return result;
    }

    private static CommandOption[] options(String command) {
        return switch (command) {
            case RunCommand.NAME -> CommandOptions.RUN;
            case DemoCommand.NAME -> CommandOptions.DEMO;
            case DoctorCommand.NAME -> CommandOptions.DOCTOR;
            default -> ImageVerb.of(command).options();
        };
    }

    static String completion(CommandLine root, String shell) {
        if (!shell.equals("bash") && !shell.equals("zsh")) {
            throw new dev.isthmus.machine.VmException.Configuration(
                    "completion: unknown shell '" + shell + "'", "Known: bash, zsh.");
        }
        // One script serves both: it sets up bash's completion under zsh by itself.
        return AutoComplete.bash(PROGRAM, root);
    }

    /** One line: what is wrong, what was meant, where to read on. */
    static String wrongUsage(ParameterException e) {
        StringBuilder line = new StringBuilder();
        String message = String.valueOf(e.getMessage()).replace('\n', ' ');
        boolean isRoot = e.getCommandLine().getParent() == null;
        boolean isImage = e.getCommandLine().getCommandSpec().name().equals(ImageCommand.NAME);
        if (isImage && e instanceof UnmatchedArgumentException wrong && !wrong.isUnknownOption()) {
            line.append("unknown command 'image ").append(wrong.getUnmatched().get(0)).append("'; known: ");
            line.append(String.join(", ", e.getCommandLine().getSubcommands().keySet()));
        } else if (isRoot && e instanceof UnmatchedArgumentException unmatched && !unmatched.isUnknownOption()) {
            line.append("unknown command '").append(unmatched.getUnmatched().get(0)).append('\'');
        } else {
            line.append(Character.toLowerCase(message.charAt(0))).append(message.substring(1));
        }
        if (!isImage && e instanceof UnmatchedArgumentException unmatched) {
            List<String> suggestions = unmatched.getSuggestions();
            if (!suggestions.isEmpty()) {
                line.append("; did you mean '").append(suggestions.get(0)).append("'?");
            }
        }
        return line.append(line.charAt(line.length() - 1) == '?' ? " See '" : "; see '")
                .append(e.getCommandLine().getCommandSpec().qualifiedName())
                .append(" --help'")
                .toString();
    }
}
