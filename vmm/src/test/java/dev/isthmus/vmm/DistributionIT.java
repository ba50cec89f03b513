// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.testing.boot.TestBzImage;
import dev.isthmus.testing.boot.TestElf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The distribution and its scripts, wherever they are and however they are called. Needs no KVM. */
@Timeout(300)
class DistributionIT {
    private static final Path HOME = Path.of("target", "isthmus").toAbsolutePath();
    private static final Path SOURCE_TREE_LAUNCHER = Path.of("..", "isthmus").toAbsolutePath().normalize();

    /** Makes the JVM give up where it can't use the AOT cache, instead of starting slowly. */
    private static final String INSIST_ON_CACHE = "-XX:AOTMode=on";

    private static final int KERNEL_MEMORY_BYTES = 1 << 20;

    @TempDir
    private Path directory;

    @Test
    void aotCacheIsValidWhereItWasBuilt() throws Exception {
        CommandProcess command = CommandProcess.run(insisting(CommandProcess.builder("--version")));

        assertEquals(0, command.status(), command::toString);
        assertTrue(command.output().startsWith("isthmus "), command::toString);
    }

    @Test
    void distributionRunsFromAnotherPlaceWithNothingInItsEnvironment() throws Exception {
        Path moved = directory.resolve("a b");
        copyWithTimes(HOME, moved);
        ProcessBuilder builder = new ProcessBuilder(moved.resolve("bin/isthmus").toString(), "--version");
        builder.environment().clear();

        CommandProcess command = CommandProcess.run(insisting(builder));

        assertEquals(0, command.status(), command::toString);
    }

    @Test
    void copyWithNewTimesStartsWithoutItsCacheAndWithoutAWord() throws Exception {
        Path copied = directory.resolve("copied");
        assertEquals(0, new ProcessBuilder("cp", "-r", HOME.toString(), copied.toString()).start().waitFor());

        CommandProcess command =
                CommandProcess.run(new ProcessBuilder(copied.resolve("bin/isthmus").toString(), "--version"));

        assertEquals(0, command.status(), command::toString);
        assertEquals("", command.errors());
    }

    @Test
    void linksToTheProgramFindItsHome() throws Exception {
        Path first = Files.createSymbolicLink(directory.resolve("first"), HOME.resolve("bin/isthmus"));
        Path second = Files.createSymbolicLink(directory.resolve("second"), first.getFileName());

        CommandProcess command = CommandProcess.run(new ProcessBuilder(second.toString(), "--version"));

        assertEquals(0, command.status(), command::toString);
    }

    @ParameterizedTest
    @ValueSource(strings = {"./isthmus", "bin/isthmus"})
    void relativePathsFindItsHome(String path) throws Exception {
        Path from = path.startsWith("./") ? HOME.resolve("bin") : HOME;

        CommandProcess command = CommandProcess.run(new ProcessBuilder(path, "--version").directory(from.toFile()));

        assertEquals(0, command.status(), command::toString);
    }

    @Test
    void launcherOfTheSourceTreeRunsWhatWasBuiltAndHandsOnArgumentsAndStatus() throws Exception {
        ProcessBuilder builder = new ProcessBuilder(SOURCE_TREE_LAUNCHER.toString(), "run", "--kernel", "no such file");
        builder.environment().put("ISTHMUS_BUILD", "never");

        CommandProcess command = CommandProcess.run(builder);

        assertEquals(2, command.status(), command::toString);
        assertTrue(command.errors().contains("no such file"), command::toString);
    }

    @Test
    void launcherWithoutAJdkSaysInOneLineWhatToInstall() throws Exception {
        Path tree = Files.createDirectories(directory.resolve("tree"));
        Path launcher = Files.copy(SOURCE_TREE_LAUNCHER, tree.resolve("isthmus"));
        assertTrue(launcher.toFile().setExecutable(true));
        // A file system with a shell and nothing in /usr/lib/jvm.
        ProcessBuilder builder = new ProcessBuilder(
                "unshare", "--mount", "sh", "-c",
                "mount -t tmpfs none /usr/lib/jvm && mount -t tmpfs none /opt && exec \"$0\" --version", launcher.toString());
        builder.environment().keySet().removeIf(name -> name.startsWith("JAVA"));
        builder.environment().put("HOME", directory.toString());
        Assumptions.assumeTrue("root".equals(System.getProperty("user.name")), "hiding a JDK takes root");

        CommandProcess command = CommandProcess.run(builder);

        assertEquals(2, command.status(), command::toString);
        assertEquals(1, command.errors().lines().count(), command::toString);
        assertTrue(command.errors().contains("JDK 25"), command::toString);
    }

    @ParameterizedTest
    @ValueSource(strings = {"zstd -q -22 --ultra", "lz4 -q -l -9 - -"})
    void kernelsPackedByLinuxsToolsUnpackWithoutAFileInTmp(String packer) throws Exception {
        Path kernel = packedKernel(packer);
        ProcessBuilder builder = CommandProcess.builder("run", "--kernel", kernel.toString(), "--dry-run");
        // Where no file can be made.
        builder.environment().put("JDK_JAVA_OPTIONS", "-Djava.io.tmpdir=/proc");

        CommandProcess command = CommandProcess.run(builder);

        assertEquals(0, command.status(), command::toString);
        assertTrue(command.output().contains(kernel + " (pvh)"), command::toString);
        // No word about native access or sun.misc.Unsafe.
        assertEquals("", command.errors(), command::toString);
    }

    @Test
    void zstdLibraryThatCannotBeLoadedIsStatus4WithTheCause() throws Exception {
        ProcessBuilder builder = CommandProcess.builder(
                "run", "--kernel", packedKernel("zstd -q").toString(), "--dry-run");
        builder.environment().put("JDK_JAVA_OPTIONS", "-DZstdNativePath=/nowhere/libzstd.so");

        CommandProcess command = CommandProcess.run(builder);

        assertEquals(4, command.status(), command::toString);
        assertTrue(command.errors().contains("Can't load library: /nowhere/libzstd.so"), command::toString);
        assertEquals(1, command.errors().lines().count(), command::toString);
    }

    @ParameterizedTest
    @ValueSource(strings = {"LC_ALL", "LC_CTYPE", "LANG", "NONE"})
    void filesWithNamesBeyondAsciiAreFoundInTheCLocale(String variable) throws Exception {
        // Its name is made by the shell, whatever the locale of these tests.
        ProcessBuilder builder = new ProcessBuilder(
                "sh", "-c", "name=$(printf 'b\\303\\274.img'); truncate -s 1M \"$name\" && exec \"$0\" image info --json \"$name\"",
                HOME.resolve("bin/isthmus").toString());
        builder.directory(directory.toFile());
        builder.environment().keySet().removeIf(name -> name.startsWith("LC_") || name.equals("LANG"));
        builder.environment().put(variable, "C");

        CommandProcess command = CommandProcess.run(builder);

        assertEquals(0, command.status(), command::toString);
        assertTrue(command.output().contains("\"virtual-size\": 1048576"), command::toString);
    }

    @Test
    void launcherThatBuildsFirstLeavesStandardInputToTheCommand() throws Exception {
        Path launcher = Files.copy(SOURCE_TREE_LAUNCHER, directory.resolve("isthmus"), StandardCopyOption.COPY_ATTRIBUTES);
        // A Maven that reads all it can, as the real one does, and builds a command that writes what it reads.
        Path tools = Files.createDirectory(directory.resolve("tools"));
        executable(tools.resolve("mvn"), """
                #!/bin/sh
                cat >/dev/null
                mkdir -p vmm/target/isthmus/bin
                printf '#!/bin/sh\\ncat\\n' >vmm/target/isthmus/bin/isthmus
                chmod +x vmm/target/isthmus/bin/isthmus
                """);
        ProcessBuilder builder = new ProcessBuilder(launcher.toString());
        builder.environment().merge("PATH", tools.toString(), (path, first) -> first + ":" + path);
        builder.redirectInput(Files.writeString(directory.resolve("input"), "hello\n").toFile());

        CommandProcess command = CommandProcess.run(builder);

        assertEquals(0, command.status(), command::toString);
        assertEquals("hello\n", command.output(), command::toString);
    }

    private static void executable(Path file, String script) throws IOException {
        Files.writeString(file, script);
        assertTrue(file.toFile().setExecutable(true), file::toString);
    }

    @ParameterizedTest
    @ValueSource(strings = {"../isthmus", "src/dist/bin/isthmus", "src/dist/assemble.sh"})
    void scriptsPassShellcheck(String script) throws Exception {
        Assumptions.assumeTrue(inPath("shellcheck"), "shellcheck is not installed");

        CommandProcess command = CommandProcess.run(new ProcessBuilder("shellcheck", "--shell=sh", script));

        assertEquals(0, command.status(), command::toString);
    }

    @Test
    void completionScriptIsValidBash() throws Exception {
        Path script = HOME.resolve("share/bash-completion/completions/isthmus");

        CommandProcess command = CommandProcess.run(new ProcessBuilder("bash", "-n", script.toString()));

        assertEquals(0, command.status(), command::toString);
    }

    /** Makes a bzImage of a small kernel, packed by a tool that reads standard input and writes standard output. */
    private Path packedKernel(String packer) throws Exception {
        List<String> line = List.of(packer.split(" ", -1));
        Assumptions.assumeTrue(inPath(line.get(0)), line.get(0) + " is not installed");
        Path vmlinux = Guests.debugExit(directory, 1);
        Path packed = directory.resolve("packed");
        Process process = new ProcessBuilder(line)
                .redirectInput(vmlinux.toFile())
                .redirectOutput(packed.toFile())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        assertEquals(0, process.waitFor());
        byte[] payload = TestBzImage.withSize(Files.readAllBytes(packed), Files.size(vmlinux));
        return Files.write(
                directory.resolve("bzImage"),
                new TestBzImage(TestElf.CODE_GPA, KERNEL_MEMORY_BYTES).build(payload));
    }

    private static ProcessBuilder insisting(ProcessBuilder builder) {
        builder.environment().put("JDK_JAVA_OPTIONS", INSIST_ON_CACHE);
        return builder;
    }

    /** The cache is valid for files of certain times only, which an archive keeps as well. */
    private static void copyWithTimes(Path from, Path to) throws IOException, InterruptedException {
        Process copy = new ProcessBuilder("cp", "-a", from.toString(), to.toString()).inheritIO().start();
        assertEquals(0, copy.waitFor());
    }

    private static boolean inPath(String program) {
        List<String> directories = new ArrayList<>(List.of(System.getenv("PATH").split(":", -1)));
        return directories.stream().anyMatch(directory -> Files.isExecutable(Path.of(directory, program)));
    }
}
