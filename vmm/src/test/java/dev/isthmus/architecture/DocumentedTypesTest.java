// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.architecture;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

/** Documents go stale: every type that one in {@code vmm/docs} names as `CamelCase` has to exist, here or in the JDK. */
@AnalyzeClasses(packages = "dev.isthmus")
class DocumentedTypesTest {
    /** Text in backticks that begins like a type: with a hump and a small letter, perhaps with nested types and a member. */
    private static final Pattern TYPE = Pattern.compile("`@?([A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*(?:\\.[A-Z][A-Za-z0-9]+)*)[^`]*`");

    private static final List<String> JDK_PACKAGES = List.of(
            "java.lang", "java.lang.foreign", "java.lang.invoke", "java.nio", "java.nio.channels", "java.util",
            "java.util.concurrent");

    @ArchTest
    static void everyTypeThatADocumentNamesExists(JavaClasses classes) throws IOException {
        Set<String> known = new HashSet<>();
        for (JavaClass javaClass : classes) {
            // Bus$Builder is known as Builder and as Bus.Builder.
            known.add(javaClass.getSimpleName());
            known.add(javaClass.getName().substring(javaClass.getPackageName().length() + 1).replace('$', '.'));
        }
        Set<String> missing = new TreeSet<>();
        int found = 0;
        for (Path document : documents()) {
            Matcher matcher = TYPE.matcher(withoutCodeBlocks(Files.readString(document)));
            while (matcher.find()) {
                found++;
                String name = matcher.group(1);
                if (!known.contains(name) && !isOfJdk(name)) {
                    missing.add(document.getFileName() + ": " + name);
                }
            }
        }

        assertEquals(Set.of(), missing);
        assertFalse(found == 0, "no document names a type: is the path right?");
    }

    private static List<Path> documents() throws IOException {
        try (Stream<Path> files = Files.walk(Path.of("docs"))) {
            return files.filter(file -> file.toString().endsWith(".md")).toList();
        }
    }

    /** What stands between fences is code or a drawing, with backticks of its own. */
    private static String withoutCodeBlocks(String markdown) {
        return markdown.replaceAll("(?s)```.*?```", "");
    }

    private static boolean isOfJdk(String name) {
        for (String packageName : JDK_PACKAGES) {
            try {
                Class.forName(packageName + "." + name.replace('.', '$'), false, DocumentedTypesTest.class.getClassLoader());
                return true;
            } catch (ClassNotFoundException e) {
                // Perhaps in the next one.
            }
        }
        return false;
    }
}
