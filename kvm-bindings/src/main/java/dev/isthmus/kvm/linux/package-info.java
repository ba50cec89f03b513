// SPDX-License-Identifier: Apache-2.0
/** What Linux gives a VMM beyond KVM: memory mappings, events, files, terminals, signals. */
@NullMarked
package dev.isthmus.kvm.linux;

import org.jspecify.annotations.NullMarked;
