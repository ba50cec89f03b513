// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.fuzz;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** Finds what belongs to a target: its methods, and its corpus in {@code src/test/resources/fuzz}. */
public final class FuzzTargets {
    private static final String SUFFIX = "FuzzTarget";

    private FuzzTargets() {}

    /** Returns how a target is called in folders and reports: its class's name without what all have in common. */
    public static String name(String className) {
        String simple = className.substring(className.lastIndexOf('.') + 1);
        if (!simple.endsWith(SUFFIX)) {
            throw new IllegalArgumentException(className + " is not called ..." + SUFFIX);
        }
        return simple.substring(0, simple.length() - SUFFIX.length()).toLowerCase(Locale.ROOT);
    }

    /** Returns where the inputs are that the repository keeps for a target. */
    public static Path corpus(String className) {
        return Path.of("src", "test", "resources", "fuzz", name(className));
    }

    /** Returns the files of a corpus by name; none where there is no such folder. */
    public static List<Path> files(Path corpus) {
        if (!Files.isDirectory(corpus)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(corpus)) {
            return files.filter(Files::isRegularFile).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Returns the inputs that a target makes itself, none where it makes none. */
    public static List<byte[]> seeds(Class<?> target) {
        Method method;
        try {
            method = target.getMethod("seeds");
        } catch (NoSuchMethodException e) {
            return List.of();
        }
        List<byte[]> seeds = new ArrayList<>();
        for (Object seed : (List<?>) call(method)) {
            seeds.add((byte[]) seed);
        }
        return seeds;
    }

    /** Has a target take an input; throws what it throws. */
    public static void run(Class<?> target, byte[] input) {
        try {
            call(target.getMethod("fuzzerTestOneInput", byte[].class), (Object) input);
        } catch (NoSuchMethodException e) {
            throw new IllegalArgumentException(target + " is not a target", e);
        }
    }

    private static Object call(Method method, Object... arguments) {
        try {
            return method.invoke(null, arguments);
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof Error error) {
                throw error;
            }
            throw new AssertionError(method + " threw", e.getCause());
        } catch (IllegalAccessException e) {
            throw new IllegalArgumentException(method + " is not public", e);
        }
    }
}
