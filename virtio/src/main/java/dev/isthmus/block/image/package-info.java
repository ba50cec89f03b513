// SPDX-License-Identifier: Apache-2.0
/** What is done with images whatever their format: {@link dev.isthmus.block.image.ImageChain} opens them with their bases. */
@NullMarked
package dev.isthmus.block.image;

import org.jspecify.annotations.NullMarked;
