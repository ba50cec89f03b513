// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

import dev.isthmus.testing.tools.HostPrograms;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

/** A network of its own for each test, which programs run in: nothing in it reaches the host's. Takes root. */
final class NetworkNamespace implements BeforeEachCallback, AfterEachCallback {
    private static final AtomicInteger COUNT = new AtomicInteger();

    private final String name = "isthmus-" + ProcessHandle.current().pid() + "-" + COUNT.incrementAndGet();

    @Override
    public void beforeEach(ExtensionContext context) throws Exception {
        HostPrograms.require("ip");
        assumeTrue(HostTool.succeed("id", "-u").strip().equals("0") || System.getenv("CI") != null, "takes root");
        HostTool.succeed("ip", "netns", "add", name);
        ip("link", "set", "lo", "up");
    }

    @Override
    public void afterEach(ExtensionContext context) throws Exception {
        HostTool.run(Duration.ofSeconds(30), "ip", "netns", "delete", name);
    }

    /** Runs ip(8) in it. */
    String ip(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("ip", "-n", name));
        command.addAll(List.of(arguments));
        return HostTool.succeed(command.toArray(String[]::new));
    }

    /** Runs a program in it, which is quick and has to succeed. */
    String succeed(String... command) throws IOException, InterruptedException {
        return HostTool.succeed(inside(List.of(command)).toArray(String[]::new));
    }

    /** Returns the command that runs another one in it. */
    List<String> inside(List<String> command) {
        List<String> whole = new ArrayList<>(List.of("ip", "netns", "exec", name));
        whole.addAll(command);
        return whole;
    }
}
