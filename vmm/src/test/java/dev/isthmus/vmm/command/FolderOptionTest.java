// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.nio.file.Path;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.fuse.CachePolicy;
import dev.isthmus.machine.FolderConfig;
import dev.isthmus.machine.VmException;
import dev.isthmus.machine.fs.FolderOwnership;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class FolderOptionTest {
    @Test
    void pathAndTagAreEnough() {
        assertEquals(FolderConfig.of(Path.of("/srv/a,b"), "data"), FolderOption.parse("path=/srv/a,,b,tag=data"));
    }

    @Test
    void everyDetailArrives() {
        assertEquals(
                FolderConfig.of(Path.of("d"), "t")
                        .withReadOnly(true)
                        .withOwnership(new FolderOwnership.Squashed(1000, -2))
                        .withCache(CachePolicy.NEVER)
                        .withQueues(2)
                        .withPacked(true)
                        .withId("home"),
                FolderOption.parse("path=d,tag=t,readonly=on,owner=1000:4294967294,cache=never,queues=2,packed=on,id=home"));
    }

    @ParameterizedTest
    @CsvSource({"root, ROOT", "guest, GUEST"})
    void ownersHaveNames(String word, String expected) {
        FolderOwnership ownership = expected.equals("ROOT") ? FolderOwnership.ROOT : FolderOwnership.GUEST;
        assertEquals(ownership, FolderOption.parse("path=d,tag=t,owner=" + word).ownership());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "tag=t|--fs needs path=",
        "path=d|--fs needs tag=",
        "path=d,tag=t,owner=me|owner=me is no owner",
        "path=d,tag=t,owner=:1|owner=:1 is no owner",
        "path=d,tag=t,owner=1:4294967295|is no owner",
        "path=d,tag=t,cache=some|unknown cache 'some'",
        "path=d,tag=t,readonly=yes|neither on nor off",
    })
    void whatCannotBeIsRefusedInOneLine(String text, String message) {
        VmException refusal = assertThrows(VmException.Configuration.class, () -> FolderOption.parse(text));

        assertTrue(String.valueOf(refusal.getMessage()).contains(message), refusal.getMessage());
        assertFalse(refusal.remedy().isEmpty());
    }
}
