package proc

// initialUserNS is the initial user namespace by its inode, which the kernel fixes:
// PROC_USER_INIT_INO of linux/proc_ns.h. /proc/self/uid_map does not tell: a child
// namespace may map every id to itself.
const initialUserNS = 4026531837

// capable says whether this process has a capability in the initial user
// namespace, as capable() of the kernel asks: in a container without root, or
// after unshare -U, it has it in a namespace of its own only.
func (p FS) capable(capability uint) bool {
	s, err := p.status(self)
	return err == nil && s.capEff&(1<<capability) != 0 && p.namespace(self, "user") == initialUserNS
}

// Capabilities of linux/capability.h.
const (
	capSysAdmin    = 21
	capSysResource = 24
)

// PassesFileMax says whether fs.file-max does not bind this process: it has
// CAP_SYS_ADMIN, capabilities(7), alloc_empty_file of fs/file_table.c.
func (p FS) PassesFileMax() bool { return p.capable(capSysAdmin) }
