// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.kvm;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.nio.file.Files;
import java.nio.file.Path;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;

/** A test that opens {@code /dev/kvm}: skipped on a machine without it, but run (and so failing) in CI. */
@Target({ElementType.TYPE, ElementType.METHOD})
@Retention(RetentionPolicy.RUNTIME)
@Tag("kvm")
@ExtendWith(RequiresKvm.Condition.class)
public @interface RequiresKvm {
    /** Looks for the device, unless the environment variable {@code CI} says that it must be there. */
    final class Condition implements ExecutionCondition {
        @Override
        public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
            Path device = Path.of("/dev/kvm");
            if (System.getenv("CI") != null || (Files.isReadable(device) && Files.isWritable(device))) {
                return ConditionEvaluationResult.enabled("/dev/kvm is expected");
            }
            return ConditionEvaluationResult.disabled("/dev/kvm is missing or not accessible");
        }
    }
}
