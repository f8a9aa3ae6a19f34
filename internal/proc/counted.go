package proc

import (
	"os"
	"path/filepath"
	"sync"
)

// counted are the slab caches a TCP connection with its file and its epoll
// registration lives in, and why; what each connection has for as long as it
// lives comes first. proc_inode_cache is not among them: whoever walks
// /proc/*/fd meanwhile inflates it.
var counted = []struct{ name, why string }{
	{"TCP", "struct tcp_sock, IPv4"},
	{"TCPv6", "struct tcp6_sock"},
	{"sock_inode_cache", "struct socket and its inode"},
	{"filp", "struct file"},
	{"dentry", "the socket file's dentry"},
	{"eventpoll_epi", "the epoll registration"},
	{"eventpoll_pwq", "its place in the socket's wait queue"},
	{"ep_head", "head of a file's list of registrations"},
	{"lsm_inode_cache", "the security module's part of the inode"},
	{"lsm_file_cache", "the security module's part of the file"},
	{"tcp_bind_bucket", "a local port in use"},
	{"tcp_bind2_bucket", "a local address and port in use, since Linux 6.1"},
	{"nf_conntrack", "connection tracking"},
	{"request_sock_TCP", "a handshake under way"},
	{"request_sock_TCPv6", "a handshake under way, IPv6"},
	{"tw_sock_TCP", "TIME_WAIT"},
	{"tw_sock_TCPv6", "TIME_WAIT, IPv6"},
	{"skbuff_head_cache", "a packet in a queue"},
	{"skbuff_small_head", "a small packet's data, since Linux 6.3"},
	{"skbuff_fclone_cache", "a packet in a send queue"},
}

// Lines beside the named caches.
const (
	// kmalloc gathers the general caches: the memory controller's arrays of who
	// pays for an object, and socket options, come from there.
	kmalloc = "kmalloc-*"
	// kmallocLarge is what kmalloc took from the page allocator, being too
	// large for a slab: fd tables up to 4 MiB. It is meminfo's Slab, which
	// counts it, less all caches. Larger fd tables are in VmallocUsed, which is
	// not counted: at most 16 B a connection, but the hash table of a network
	// namespace that is just being torn down, 128 MiB, is there as well.
	kmallocLarge = "kmalloc_large"
)

// procInode is the cache of /proc's own inodes, and perProcInode the caches of
// which each of them has an object.
const procInode = "proc_inode_cache"

var perProcInode = map[string]bool{"dentry": true, "lsm_inode_cache": true}

// slabNames is what /sys/kernel/slab (dir) says of the counted caches. It is read
// when it is first needed: it does not change, and there are hundreds of links.
type slabNames struct {
	dir   string
	once  sync.Once
	cache map[string]string // name in slabinfo -> the counted cache it holds
	files map[string]string // the same -> the file with its exact number of objects
}

func (n *slabNames) read() {
	n.once.Do(func() {
		n.cache = countedNames(n.dir)
		n.files = objectFiles(n.dir, n.cache)
	})
}

// countedNames says under which name in /proc/slabinfo which counted cache is
// to be found. SLUB merges caches of like size and flags: slabinfo shows them as
// one, by the name of whichever was created first, so that eventpoll_pwq may be
// called anon_vma_chain. In /sys/kernel/slab (dir) merged caches are symbolic
// links to the same entry. Where that does not exist nothing is merged, or not to
// be known.
func countedNames(dir string) map[string]string {
	names := map[string]string{}
	merged := map[string]string{} // entry -> the counted cache in it
	for _, c := range counted {
		names[c.name] = c.name
		to, err := os.Readlink(filepath.Join(dir, c.name))
		if err == nil && merged[to] == "" {
			merged[to] = c.name
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return names
	}
	for _, e := range entries {
		if e.Type()&os.ModeSymlink == 0 || names[e.Name()] != "" {
			continue
		}
		if to, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil && merged[to] != "" {
			names[e.Name()] = merged[to]
		}
	}
	return names
}

// objectFiles are the files in which /sys/kernel/slab (dir) says how many objects
// of a counted cache are in use, by the cache's name in slabinfo.
func objectFiles(dir string, counted map[string]string) map[string]string {
	files := map[string]string{}
	for name := range counted {
		file := filepath.Join(dir, name, "objects")
		if _, err := os.Stat(file); err == nil {
			files[name] = file
		}
	}
	return files
}
