// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import dev.isthmus.block.ImageCancelledException;
import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageIoException;
import dev.isthmus.machine.VmException;

/** {@code isthmus image}: makes, examines and changes disk images that no guest is using. */
final class ImageCommand {
    static final String NAME = "image";

    private ImageCommand() {}

    static int run(Arguments arguments) {
        ImageVerb verb = ImageVerb.of(arguments.command());
        ImageProgress progress = new ImageProgress(arguments.has(ImageOptions.PROGRESS), goesOn(verb));
        if (changes(verb, arguments)) {
            progress.install();
        }
        try {
            int status = run(verb, new ImageWork(verb, arguments, progress));
            return progress.signal() == 0 || !goesOn(verb) ? status : ExitStatus.SIGNAL_BASE + progress.signal();
        } catch (ImageCancelledException e) {
            progress.finish();
            Messages.line("interrupted");
            return ExitStatus.SIGNAL_BASE + progress.signal();
        } catch (ImageIoException e) {
            throw new VmException.HostFault(String.valueOf(e.getMessage()), e.remedy(), e);
        } catch (ImageException e) {
            if (e.getCause() instanceof VmException cause) {
                throw cause;
            }
            throw new VmException.Configuration(String.valueOf(e.getMessage()), e.remedy(), e);
        } finally {
            progress.finish();
        }
    }

    /** Tells whether something would be left half done, were the process to end at once. */
    private static boolean changes(ImageVerb verb, Arguments arguments) {
        return switch (verb) {
            case INFO -> false;
            case CHECK -> arguments.has(ImageOptions.REPAIR);
            case SNAPSHOT -> !arguments.has(ImageOptions.LIST);
            case CREATE, CONVERT, RESIZE, REBASE, COMMIT -> true;
        };
    }

    /** Tells whether it is done at once, or not at all. */
    private static boolean goesOn(ImageVerb verb) {
        return verb == ImageVerb.SNAPSHOT || verb == ImageVerb.RESIZE;
    }

    private static int run(ImageVerb verb, ImageWork work) {
        return switch (verb) {
            case CREATE -> ImageCreateCommand.run(work);
            case INFO -> ImageInfoCommand.run(work);
            case CHECK -> ImageCheckCommand.run(work);
            case CONVERT -> ImageConvertCommand.run(work);
            case SNAPSHOT -> ImageSnapshotCommand.run(work);
            case RESIZE -> ImageResizeCommand.run(work);
            case REBASE -> ImageRebaseCommand.rebase(work);
            case COMMIT -> ImageRebaseCommand.commit(work);
        };
    }
}
