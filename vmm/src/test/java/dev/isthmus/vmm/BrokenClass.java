// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm;

import java.io.IOException;
import java.io.InputStream;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeModel;
import java.lang.classfile.MethodBuilder;
import java.lang.classfile.MethodElement;
import java.lang.classfile.MethodModel;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.nio.file.Files;
import java.nio.file.Path;

/** One class of ours with a bug put in: a method that throws. For programs that are to be run with it. */
final class BrokenClass {
    /** What the exception says. */
    static final String MESSAGE = "a bug put in by a test";

    private static final ClassDesc THROWN = ClassDesc.of("java.lang.IllegalStateException");
    private static final MethodTypeDesc WITH_MESSAGE =
            MethodTypeDesc.of(ConstantDescs.CD_void, ConstantDescs.CD_String);

    private BrokenClass() {}

    /**
     * Writes the class with its bug.
     *
     * @param directory where to
     * @param module what the class is part of
     * @param className its name
     * @param method the method that throws, all of this name
     * @return the option by which a JVM takes it instead of the good one
     */
    static String patch(Path directory, String module, String className, String method) throws IOException {
        String file = className.replace('.', '/') + ".class";
        byte[] good;
        try (InputStream stream = BrokenClass.class.getClassLoader().getResourceAsStream(file)) {
            if (stream == null) {
                throw new IllegalArgumentException("There is no " + file);
            }
            good = stream.readAllBytes();
        }
        ClassFile format = ClassFile.of();
        byte[] broken = format.transformClass(
                format.parse(good),
                ClassTransform.transformingMethods(candidate -> isNamed(candidate, method), BrokenClass::replaceCode));
        Path target = directory.resolve(file);
        Files.createDirectories(target.getParent());
        Files.write(target, broken);
        return "--patch-module=" + module + "=" + directory;
    }

    private static boolean isNamed(MethodModel method, String name) {
        return method.methodName().equalsString(name);
    }

    private static void replaceCode(MethodBuilder method, MethodElement element) {
        if (element instanceof CodeModel) {
            method.withCode(code -> code.new_(THROWN)
                    .dup()
                    .ldc(MESSAGE)
                    .invokespecial(THROWN, ConstantDescs.INIT_NAME, WITH_MESSAGE)
                    .athrow());
        } else {
            method.with(element);
        }
    }
}
