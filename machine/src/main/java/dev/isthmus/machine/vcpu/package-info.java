// SPDX-License-Identifier: Apache-2.0
/** The threads that run vCPUs: run loop, dispatch of exits, requests from other threads, dumps. */
@NullMarked
package dev.isthmus.machine.vcpu;

import org.jspecify.annotations.NullMarked;
