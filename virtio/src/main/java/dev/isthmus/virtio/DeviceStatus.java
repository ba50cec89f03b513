// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio;

/**
 * The device status field: its bits, and the one table of what a driver may set when (virtio 1.2, sections 2.1 and
 * 3.1.1).
 *
 * <pre>
 *  bit                 needs before it          set by   transitions out
 *  ACKNOWLEDGE         nothing                  driver   DRIVER
 *  DRIVER              ACKNOWLEDGE              driver   FEATURES_OK
 *  FEATURES_OK         DRIVER, good features    driver   DRIVER_OK
 *  DRIVER_OK           FEATURES_OK              driver   none but reset; the device is live
 *  FAILED              nothing                  driver   none but reset
 *  DEVICE_NEEDS_RESET  nothing                  device   none but reset
 *  (0)                 a write of 0             reset    ACKNOWLEDGE
 * </pre>
 *
 * <p>The driver must not clear bits, so a write adds to what is set; bits out of turn stay clear, which the driver
 * sees when it reads the field back. After FAILED or DEVICE_NEEDS_RESET only a reset helps: no step is taken any more.
 */
public final class DeviceStatus {
    private DeviceStatus() {}

    /** The guest has found the device. */
    public static final int ACKNOWLEDGE = 1;
    /** The guest has a driver for it. */
    public static final int DRIVER = 2;
    /** The driver is set up: the device is live. */
    public static final int DRIVER_OK = 4;
    /** Feature negotiation is complete. */
    public static final int FEATURES_OK = 8;
    /** The device has met an error that only a reset ends. */
    public static final int DEVICE_NEEDS_RESET = 64;
    /** The driver has given up. */
    public static final int FAILED = 128;

    /** The driver's steps in the order of section 3.1.1. */
    private static final int[] STEPS = {ACKNOWLEDGE, DRIVER, FEATURES_OK, DRIVER_OK};

    /**
     * Computes the status after a driver's write.
     *
     * @param current the status before
     * @param written the value written, any value but 0 (a write of 0 is a reset)
     * @param featuresAcceptable whether the features that the driver has chosen are a valid subset of what is offered
     */
    public static int afterWrite(int current, int written, boolean featuresAcceptable) {
        int status = current;
        if ((current & (FAILED | DEVICE_NEEDS_RESET)) == 0) {
            for (int step : STEPS) {
                if ((written & step) != 0 && (status & step) == 0) {
                    if (step == FEATURES_OK && !featuresAcceptable) {
                        break;
                    }
                    status |= step;
                }
                if ((status & step) == 0) {
                    // The steps after this one need it.
                    break;
                }
            }
        }
        return status | (written & FAILED);
    }

    /** Tells whether queues are processed: DRIVER_OK is set and the device is not broken. */
    public static boolean isLive(int status) {
        return (status & (DRIVER_OK | DEVICE_NEEDS_RESET)) == DRIVER_OK;
    }
}
