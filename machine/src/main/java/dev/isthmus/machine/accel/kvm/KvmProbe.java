// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.accel.kvm;

import java.util.ArrayList;
import java.util.List;

import dev.isthmus.kvm.Kvm;
import dev.isthmus.kvm.KvmCap;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.machine.HostCheck;
import dev.isthmus.machine.VmException;

/** The checks of {@link KvmHost#open}, each with its result instead of an exception for the first that fails. */
public final class KvmProbe {
    private KvmProbe() {}

    /** Checks a KVM device: opening it, its API version, the capabilities, and how many vCPUs it offers. */
    public static List<HostCheck> check(String path) {
        List<HostCheck> checks = new ArrayList<>();
        try (Kvm kvm = Kvm.open(path)) {
            checks.add(HostCheck.ok("KVM API", "version " + kvm.apiVersion()));
            for (int i = 0; i < KvmHost.REQUIRED.length; i++) {
                checks.add(capability(kvm, KvmHost.REQUIRED[i], KvmHost.REQUIRED_NAMES[i]));
            }
            checks.add(HostCheck.ok(
                    "vCPUs of a VM",
                    kvm.checkExtension(KvmCap.KVM_CAP_NR_VCPUS) + " recommended, "
                            + kvm.checkExtension(KvmCap.KVM_CAP_MAX_VCPUS) + " at most"));
        } catch (ErrnoException e) {
            VmException failure = KvmHost.openFailed(path, e);
            checks.add(HostCheck.failed("KVM API", String.valueOf(failure.getMessage()), failure.remedy()));
        } catch (IllegalStateException e) {
            checks.add(HostCheck.failed("KVM API", String.valueOf(e.getMessage()), "Use another kernel."));
        }
        return checks;
    }

    private static HostCheck capability(Kvm kvm, int capability, String name) {
        return kvm.checkExtension(capability) == 0
                ? HostCheck.failed(name, "missing", KvmHost.CAPABILITY_REMEDY)
                : HostCheck.ok(name, "there");
    }
}
