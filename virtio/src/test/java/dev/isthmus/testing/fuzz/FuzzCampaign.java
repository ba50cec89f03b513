// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.fuzz;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Fuzzes targets with Jazzer, one after the other, each in a JVM of its own with a small heap. The first argument is
 * how many seconds each gets, the others are the classes of the module's targets. A target can be chosen by its name in
 * the property {@code fuzz.target}. The property {@code fuzz.names} has the names of all modules' targets: what is chosen
 * and not among them fails the campaign of every module, where it would have fuzzed nothing in each.
 *
 * <p>A campaign begins with the target's corpus and seeds. What it learns stays in {@code target/fuzz/<name>/corpus} for
 * the next one; what it finds is in {@code target/fuzz/<name>}, with the log, and fails it.
 */
public final class FuzzCampaign {
    private static final String DRIVER = "com.code_intelligence.jazzer.Jazzer";

    /** Of one input by the clock, for a machine that does much else; {@link FuzzBounds} counts the processor's time. */
    private static final int INPUT_TIMEOUT_SECONDS = 100;

    /** The heap that inputs have to do with. */
    private static final String HEAP = "-Xmx512m";

    /** Of an input. Larger ones are slow and find no more: seeds are of a few KiB. */
    private static final int INPUT_BYTES_MAX = 24 << 10;

    private FuzzCampaign() {}

    /** Runs the campaigns; throws at the end if one of them has found something. */
    public static void main(String... arguments) throws Exception {
        int seconds = Integer.parseInt(arguments[0]);
        String only = System.getProperty("fuzz.target", "");
        List<String> classNames = List.of(arguments).subList(1, arguments.length);
        requireKnown(only, classNames);
        List<String> findings = new ArrayList<>();
        for (String className : classNames) {
            String name = FuzzTargets.name(className);
            if (only.isEmpty() || only.equals(name)) {
                Path folder = Path.of("target", "fuzz", name);
                int status = run(className, folder, seconds);
                if (status != 0) {
                    findings.add(name + " (status " + status + ", see " + folder.resolve("log") + ")");
                }
            }
        }
        if (!findings.isEmpty()) {
            throw new AssertionError("Fuzzing has found something: " + String.join(", ", findings));
        }
    }

    private static void requireKnown(String only, List<String> classNames) {
        List<String> known = List.of(System.getProperty("fuzz.names", "").split(" ", -1));
        for (String className : classNames) {
            if (!known.contains(FuzzTargets.name(className))) {
                throw new IllegalArgumentException("fuzz.names lacks " + className);
            }
        }
        if (!only.isEmpty() && !known.contains(only)) {
            throw new IllegalArgumentException("No target is called " + only + "; there are " + String.join(", ", known));
        }
    }

    private static int run(String className, Path folder, int seconds) throws Exception {
        Path corpus = Files.createDirectories(folder.resolve("corpus"));
        Path seeds = Files.createDirectories(folder.resolve("seeds"));
        List<byte[]> made = FuzzTargets.seeds(Class.forName(className));
        for (int i = 0; i < made.size(); i++) {
            Files.write(seeds.resolve("seed-" + i), made.get(i));
        }
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add(HEAP);
        // One thread fuzzes; the other collectors' threads would take the processors from each other.
        command.add("-XX:+UseSerialGC");
        command.add("-ea");
        command.add("--enable-native-access=ALL-UNNAMED");
        command.add("-XX:+EnableDynamicAgentLoading");
        // What a fault log says of each of millions of inputs is of no use.
        command.add("-Dorg.slf4j.simpleLogger.defaultLogLevel=off");
        command.add("-classpath");
        command.add(System.getProperty("java.class.path"));
        command.add(DRIVER);
        command.add("--target_class=" + className);
        command.add("--instrumentation_includes=dev.isthmus.**");
        // System calls take no input of a guest's, and the generated constants take long.
        command.add("--instrumentation_excludes=dev.isthmus.testing.**:dev.isthmus.kvm.**");
        // What Jazzer itself looks for, such as injections of SQL, is of no concern here.
        command.add("--custom_hook_includes=none");
        command.add("--reproducer_path=" + folder);
        command.add("-artifact_prefix=" + folder + "/");
        command.add("-max_total_time=" + seconds);
        command.add("-timeout=" + INPUT_TIMEOUT_SECONDS);
        command.add("-rss_limit_mb=0");
        command.add("-max_len=" + INPUT_BYTES_MAX);
        command.add("-use_value_profile=1");
        command.add("-print_final_stats=1");
        command.add(corpus.toString());
        command.add(seeds.toString());
        Path kept = FuzzTargets.corpus(className);
        if (Files.isDirectory(kept)) {
            command.add(kept.toString());
        }
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("log").toFile())
                .start();
        return process.waitFor();
    }
}
