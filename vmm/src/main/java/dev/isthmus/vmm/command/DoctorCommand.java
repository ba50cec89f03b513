// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

import dev.isthmus.machine.HostCheck;
import dev.isthmus.machine.HostProbe;

/** {@code isthmus doctor}: can this host run VMs? Each check, its result, its remedy. */
final class DoctorCommand {
    static final String NAME = "doctor";

    private DoctorCommand() {}

    static Map<String, String> exitStatuses() {
        Map<String, String> table = new LinkedHashMap<>();
        table.put("0", "this host can run VMs");
        table.put("4", "it can't");
        return table;
    }

    static int run(Arguments arguments) throws InterruptedException {
        List<HostCheck> checks = checks();
        String report = arguments.has(CommandOptions.JSON) ? json(checks) : text(checks);
        StandardOutput.print(report);
        return canRunVms(checks) ? ExitStatus.OK : ExitStatus.HOST_UNSUPPORTED;
    }

    private static List<HostCheck> checks() throws InterruptedException {
        List<HostCheck> checks = new ArrayList<>();
        checks.add(HostChecks.processor());
        checks.add(HostChecks.device());
        if (canRunVms(checks)) {
            checks.addAll(HostProbe.checkAccelerator());
        }
        if (canRunVms(checks)) {
            checks.add(TrialRun.check());
        }
        checks.add(HostChecks.java());
        checks.addAll(ResourceChecks.all());
        checks.add(HostChecks.demoGuest());
        return checks;
    }

    static boolean canRunVms(List<HostCheck> checks) {
        for (HostCheck check : checks) {
            if (check.result() == HostCheck.Result.FAILED) {
                return false;
            }
        }
        return true;
    }

    static String text(List<HostCheck> checks) {
        int width = 0;
        for (HostCheck check : checks) {
            width = Math.max(width, check.subject().length());
        }
        StringBuilder text = new StringBuilder();
        String indent = " ".repeat(width + 9);
        for (HostCheck check : checks) {
            text.append(String.format(
                    Locale.ROOT, "%-6s %-" + width + "s  %s%n", word(check.result()), check.subject(), check.detail()));
            if (!check.remedy().isEmpty()) {
                text.append(indent).append("-> ").append(check.remedy()).append('\n');
            }
        }
        text.append(canRunVms(checks) ? "\nThis host can run VMs.\n" : "\nThis host can't run VMs yet.\n");
        return text.toString();
    }

    static String json(List<HostCheck> checks) {
        StringBuilder json = new StringBuilder("{\"canRunVms\":").append(canRunVms(checks)).append(",\"checks\":[");
        for (int i = 0; i < checks.size(); i++) {
            HostCheck check = checks.get(i);
            json.append(i == 0 ? "\n" : ",\n").append("{\"subject\":");
            JsonText.quote(json, check.subject());
            json.append(",\"result\":");
            JsonText.quote(json, word(check.result()));
            json.append(",\"detail\":");
            JsonText.quote(json, check.detail());
            json.append(",\"remedy\":");
            JsonText.quote(json, check.remedy());
            json.append('}');
        }
        return json.append("\n]}\n").toString();
    }

    private static String word(HostCheck.Result result) {
        return switch (result) {
            case OK -> "ok";
            case NOTE -> "note";
            case FAILED -> "FAILED";
        };
    }
}
