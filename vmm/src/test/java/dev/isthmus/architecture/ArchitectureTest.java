// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.architecture;

import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaPackage;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import org.jspecify.annotations.NullMarked;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The rules that hold for all modules together; vmm is where all of them are on the class path. */
@AnalyzeClasses(packages = "dev.isthmus", importOptions = ArchitectureTest.OnlyWhatShips.class)
class ArchitectureTest {
    /** No tests, and no test kits, which come in jars or in directories. */
    static final class OnlyWhatShips implements ImportOption {
        private static final Pattern TEST = Pattern.compile(".*/test-classes/.*|.*-tests\\.jar.*|.*/dev/isthmus/testing/.*");

        @Override
        public boolean includes(Location location) {
            return !location.matches(TEST);
        }
    }

    private static final String[] KVM_BINDINGS = {"dev.isthmus.kvm.."};
    private static final String[] VIRTIO = {
        "dev.isthmus.memory..", "dev.isthmus.device..", "dev.isthmus.virtio..", "dev.isthmus.block..", "dev.isthmus.fuse.."
    };
    private static final String[] MACHINE = {"dev.isthmus.machine.."};
    private static final String[] VMM = {"dev.isthmus.vmm.."};
    private static final String COMMAND = "dev.isthmus.vmm.command..";

    @ArchTest
    static final ArchRule KVM_BINDINGS_KNOWS_NO_OTHER_MODULE =
            noClasses().that().resideInAnyPackage(KVM_BINDINGS).should().dependOnClassesThat()
                    .resideInAnyPackage(all(VIRTIO, MACHINE, VMM));

    @ArchTest
    static final ArchRule VIRTIO_KNOWS_NO_OTHER_MODULE =
            noClasses().that().resideInAnyPackage(VIRTIO).should().dependOnClassesThat()
                    .resideInAnyPackage(all(KVM_BINDINGS, MACHINE, VMM));

    @ArchTest
    static final ArchRule MACHINE_DOES_NOT_KNOW_VMM =
            noClasses().that().resideInAnyPackage(MACHINE).should().dependOnClassesThat().resideInAnyPackage(VMM);

    @ArchTest
    static final ArchRule VMM_SEES_KVM_THROUGH_THE_MACHINE_ONLY =
            noClasses().that().resideInAnyPackage(VMM).should().dependOnClassesThat().resideInAnyPackage(KVM_BINDINGS);

    @ArchTest
    static final ArchRule ONLY_ACCEL_KVM_SEES_KVM_ITSELF =
            noClasses().that().resideInAPackage("dev.isthmus.machine..")
                    .and().resideOutsideOfPackage("dev.isthmus.machine.accel.kvm..")
                    .should().dependOnClassesThat().resideInAPackage("dev.isthmus.kvm");

    @ArchTest
    static final ArchRule THE_LIBRARY_DOES_NOT_KNOW_THE_COMMAND =
            noClasses().that().resideInAPackage("dev.isthmus.vmm").should().dependOnClassesThat().resideInAPackage(COMMAND);

    @ArchTest
    static final ArchRule PACKAGES_HAVE_NO_CYCLES =
            slices().matching("dev.isthmus.(machine|virtio|kvm|block).(*)..").should().beFreeOfCycles();

    @ArchTest
    static final ArchRule NATIVE_CALLS_STAY_BEHIND_THEIR_FENCE =
            noClasses().that().resideOutsideOfPackage("dev.isthmus.kvm..").should().dependOnClassesThat()
                    .belongToAnyOf(Linker.class, SymbolLookup.class);

    @ArchTest
    static final ArchRule ONLY_THE_COMMAND_PRINTS =
            noClasses().that().resideOutsideOfPackage(COMMAND)
                    .should().accessField(System.class, "out").orShould().accessField(System.class, "err");

    @ArchTest
    static final ArchRule ONLY_THE_COMMAND_ENDS_THE_PROCESS =
            noClasses().that().resideOutsideOfPackage(COMMAND)
                    .should().callMethod(System.class, "exit", int.class)
                    .orShould().callMethod(Runtime.class, "exit", int.class)
                    .orShould().callMethod(Runtime.class, "halt", int.class);

    @ArchTest
    static final ArchRule ONLY_THE_COMMAND_HANDLES_SIGNALS =
            noClasses().that().resideOutsideOfPackage(COMMAND).should().dependOnClassesThat().resideInAPackage("sun..");

    @ArchTest
    static void everyPackageIsNullMarked(JavaClasses classes) {
        List<String> unmarked = new ArrayList<>();
        for (JavaPackage javaPackage : classes.getPackage("dev.isthmus").getSubpackagesInTree()) {
            if (!javaPackage.getClasses().isEmpty() && !javaPackage.isAnnotatedWith(NullMarked.class)) {
                unmarked.add(javaPackage.getName());
            }
        }

        assertEquals(List.of("dev.isthmus.kvm.generated"), unmarked);
    }

    /** The rules above say nothing about modules that are not on the class path. */
    @ArchTest
    static void allModulesAreThere(JavaClasses classes) {
        for (String name : List.of(
                "dev.isthmus.kvm.Kvm", "dev.isthmus.memory.GuestMemory", "dev.isthmus.machine.Machine", "dev.isthmus.vmm.Vm")) {
            assertTrue(classes.contain(name), name);
        }
        for (JavaClass javaClass : classes) {
            String packageName = javaClass.getPackageName();
            boolean known = false;
            for (String pattern : all(KVM_BINDINGS, VIRTIO, MACHINE, VMM)) {
                known |= (packageName + ".").startsWith(pattern.substring(0, pattern.length() - 1));
            }
            assertTrue(known, () -> packageName + " belongs to no module that the rules know");
        }
    }

    private static String[] all(String[]... groups) {
        List<String> patterns = new ArrayList<>();
        for (String[] group : groups) {
            patterns.addAll(List.of(group));
        }
        return patterns.toArray(new String[0]);
    }
}
