// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.io.IOException;
import java.io.InputStream;
import java.util.Properties;

import picocli.CommandLine;

/** What {@code --version} prints: the version that the build has written down, and the JVM's. */
final class VersionText implements CommandLine.IVersionProvider {
    @Override
    public String[] getVersion() throws IOException {
        return new String[] {"isthmus " + version() + " (Java " + Runtime.version() + ")"};
    }

    static String version() throws IOException {
        try (InputStream resource = VersionText.class.getResourceAsStream("version.properties")) {
            Properties properties = new Properties();
            if (resource != null) {
                properties.load(resource);
            }
            return properties.getProperty("version", "unknown");
        }
    }
}
