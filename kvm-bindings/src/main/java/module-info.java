/**
 * The only native code of Isthmus: KVM's file descriptors, and what Linux gives a virtual machine monitor.
 *
 * <p>Everything that calls out of Java is in this module, behind one method handle. Callers need
 * {@code --enable-native-access=dev.isthmus.kvm}.
 */
module dev.isthmus.kvm {
    requires static transitive org.jspecify;

    exports dev.isthmus.kvm;
    exports dev.isthmus.kvm.linux;
}
