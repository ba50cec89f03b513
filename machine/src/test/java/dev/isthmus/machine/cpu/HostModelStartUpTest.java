// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.cpu;

import java.io.IOException;
import java.io.InputStream;
import java.util.HashSet;
import java.util.Set;

import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The classes that a start with the host model loads: the tables of flags are not among them. */
class HostModelStartUpTest {
    /** Loads this package's classes itself, and remembers which. */
    private static final class RememberingLoader extends ClassLoader {
        private static final String PACKAGE = CpuidBuilder.class.getPackageName() + ".";

        final Set<String> loaded = new HashSet<>();

        RememberingLoader() {
            super(CpuidBuilder.class.getClassLoader());
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            if (!name.startsWith(PACKAGE)) {
                return super.loadClass(name, resolve);
            }
            synchronized (getClassLoadingLock(name)) {
                Class<?> known = findLoadedClass(name);
                return known != null ? known : define(name);
            }
        }

        private Class<?> define(String name) throws ClassNotFoundException {
            try (InputStream in = getResourceAsStream(name.replace('.', '/') + ".class")) {
                if (in == null) {
                    throw new ClassNotFoundException(name);
                }
                byte[] bytes = in.readAllBytes();
                loaded.add(name.substring(PACKAGE.length()));
                return defineClass(name, bytes, 0, bytes.length);
            } catch (IOException e) {
                throw new ClassNotFoundException(name, e);
            }
        }
    }

    /** Runs in the loader's world. */
    public static final class Start implements Runnable {
        /** Called by reflection. */
        public Start() {}

        @Override
        public void run() {
            CpuidEntry[] supported = {
                new CpuidEntry(0, 0, 0, 0xd, 0x6874_7541, 0x444d_4163, 0x6974_6e65),
                new CpuidEntry(1, 0, 0, 0, 0, 0, 0),
                new CpuidEntry(0x4000_0001, 0, 0, 0, 0, 0, 0),
            };
            CpuidOptions options = new CpuidOptions(2_000_000, true, false, "Brand");
            new CpuidBuilder(supported, CpuModel.parse("host"), 2, options).forVcpu(1);
        }
    }

    @Test
    void hostModelLoadsNoTableOfFlags() throws Exception {
        RememberingLoader loader = new RememberingLoader();
        Runnable start = (Runnable)
                loader.loadClass(Start.class.getName()).getDeclaredConstructor().newInstance();

        start.run();

        assertTrue(loader.loaded.contains("CpuidBuilder"), "the loader sees what is loaded");
        Set<String> tables = new HashSet<>(loader.loaded);
        tables.retainAll(Set.of("CpuFeatures", "FeatureWord", "FeatureChanges", "XsaveLayout", "NearestName"));
        assertEquals(Set.of(), tables);
    }
}
