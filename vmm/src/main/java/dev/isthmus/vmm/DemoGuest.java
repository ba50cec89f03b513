// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm;

import java.io.IOException;
import java.io.Reader;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.util.List;
import java.util.Properties;

import org.jspecify.annotations.Nullable;

import dev.isthmus.machine.Machine;
import dev.isthmus.machine.MachineLayout;
import dev.isthmus.machine.VmException;

/**
 * The Linux guest that comes with Isthmus: a kernel and an initramfs with a shell, which boots on any host. What its
 * init understands on the kernel's command line is defined in {@code images/README.md}.
 *
 * <p>Serial input may be written from the start on: it waits until the guest has set up its console, also after a reset.
 *
 * @param kernel the kernel's file
 * @param initrd the initramfs
 */
public record DemoGuest(Path kernel, Path initrd) {
    /** What Linux takes on x86 (COMMAND_LINE_SIZE, its NUL among it). */
    private static final int COMMAND_LINE_BYTES = 2048;

    private static final String KERNEL_FILE = "bzImage";
    private static final String INITRD_FILE = "initramfs.cpio";
    private static final String PROPERTIES_FILE = "guest.properties";

    /** Where a distribution and where a source tree have the files, seen from their roots. */
    private static final String[] DIRECTORIES = {"share/isthmus", "images/guest"};

    /** The system property that names the root of the distribution that runs; set by its launcher. */
    public static final String HOME_PROPERTY = "isthmus.home";

    /**
     * Finds the guest's files: in the distribution, or in the source tree that this class was built in.
     *
     * @throws VmException.Configuration if they are in neither
     */
    public static DemoGuest locate() {
        String home = System.getProperty(HOME_PROPERTY);
        DemoGuest found = home == null ? null : below(Path.of(home));
        for (Path root = codeLocation(); found == null && root != null; root = root.getParent()) {
            found = below(root);
        }
        if (found == null) {
            throw new VmException.Configuration(
                    "the demo guest's files (" + KERNEL_FILE + ", " + INITRD_FILE + ") are not here",
                    "They are in share/isthmus of a distribution and in images/guest of the source tree; name the"
                            + " distribution with -D" + HOME_PROPERTY + "=DIRECTORY.");
        }
        return found;
    }

    /**
     * Describes a VM with this guest; a shell on its serial line.
     *
     * <pre>{@code
     * try (Vm vm = DemoGuest.locate().shell().start()) {
     *     vm.serial().awaitText("# ", Duration.ofMinutes(1));
     *     vm.serial().write("poweroff\n");
     * }
     * }</pre>
     */
    public VmBuilder shell() {
        return builder(List.of());
    }

    /**
     * Describes a VM with this guest that runs one command and ends: with {@link VmResult.DebugExit} and the command's
     * exit status.
     *
     * @param words the command and its arguments
     */
    public VmBuilder command(String... words) {
        // A panic reboots it, and would do so for ever.
        return builder(List.of(words)).noReboot();
    }

    private VmBuilder builder(List<String> words) {
        return Vm.builder()
                .kernel(kernel)
                .initrd(initrd)
                .commandLine(commandLine(words))
                .memory(properties().getProperty("memory.default", "128M"))
                .debugExit(MachineLayout.DEBUG_EXIT_PORT)
                .serialGate(MachineLayout.SERIAL_GATE_PORT);
    }

    /**
     * Returns the kernel command line for this host, whose console is a terminal of unknown size.
     *
     * @param words the command to run with its arguments; a shell where there are none
     * @throws VmException.Configuration if it is longer than Linux takes
     */
    public String commandLine(List<String> words) {
        return commandLine(words, null);
    }

    /**
     * Returns the kernel command line for this host. The guest writes to the ports {@link MachineLayout#DEBUG_EXIT_PORT}
     * and {@link MachineLayout#SERIAL_GATE_PORT}, which a machine may have or not.
     *
     * @param words the command to run with its arguments; a shell where there are none
     * @param terminal what the console is: {@code ROWSxCOLUMNS} of a terminal, {@code pipe} where bytes are to pass
     *     unchanged and input is framed ({@link dev.isthmus.machine.serial.SerialConfig.Stdio}), or null for a terminal of
     *     unknown size
     * @throws VmException.Configuration if it is longer than Linux takes
     */
    public String commandLine(List<String> words, @Nullable String terminal) {
        Properties properties = properties();
        StringBuilder line = new StringBuilder(properties.getProperty("cmdline", ""));
        if (Machine.hostInterpretsKernelCode()) {
            line.append(' ').append(properties.getProperty("cmdline.pvm", ""));
        }
        line.append(" isthmus.exit=0x").append(Integer.toHexString(MachineLayout.DEBUG_EXIT_PORT));
        line.append(" isthmus.mark=0x").append(Integer.toHexString(MachineLayout.SERIAL_GATE_PORT));
        if (terminal != null) {
            line.append(" isthmus.tty=").append(terminal);
        }
        if (!words.isEmpty()) {
            line.append(" --");
            for (String word : words) {
                line.append(' ');
                encode(word, line);
            }
        }
        if (line.length() >= COMMAND_LINE_BYTES) {
            throw new VmException.Configuration(
                    "the command is too long: the kernel's command line would have " + line.length() + " bytes, and takes "
                            + (COMMAND_LINE_BYTES - 1),
                    "Put it into a script on a disk (--disk).");
        }
        return line.toString();
    }

    /** What the recipe of the images says about them: java.util.Properties beside the kernel. */
    private Properties properties() {
        Path file = kernel.resolveSibling(PROPERTIES_FILE);
        Properties properties = new Properties();
        try (Reader reader = Files.newBufferedReader(file)) {
            properties.load(reader);
        } catch (IOException | IllegalArgumentException e) {
            throw new VmException.Configuration(
                    "the demo guest's " + file + " can't be read: " + e.getMessage(), "Restore it, or build it again.", e);
        }
        return properties;
    }

    /** Everything but letters, digits and some signs as %XX, so that the kernel sees one word without quotes. */
    private static void encode(String word, StringBuilder line) {
        if (word.isEmpty()) {
            line.append("\"\"");
            return;
        }
        for (byte b : word.getBytes(StandardCharsets.UTF_8)) {
            char c = (char) (b & 0xff);
            boolean plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
                    || "-._~/:,+@=".indexOf(c) >= 0;
            if (plain) {
                line.append(c);
            } else {
                line.append('%');
                line.append(Character.toUpperCase(Character.forDigit(c >> 4, 16)));
                line.append(Character.toUpperCase(Character.forDigit(c & 15, 16)));
            }
        }
    }

    private static @Nullable DemoGuest below(Path root) {
        for (String directory : DIRECTORIES) {
            Path kernel = root.resolve(directory).resolve(KERNEL_FILE);
            Path initrd = root.resolve(directory).resolve(INITRD_FILE);
            if (Files.exists(kernel) && Files.exists(initrd)) {
                return new DemoGuest(kernel, initrd);
            }
        }
        return null;
    }

    private static @Nullable Path codeLocation() {
        CodeSource source = DemoGuest.class.getProtectionDomain().getCodeSource();
        URL location = source == null ? null : source.getLocation();
        if (location == null || !location.getProtocol().equals("file")) {
            return null;
        }
        try {
            return Path.of(location.toURI());
        } catch (URISyntaxException e) {
            return null;
        }
    }
}
