package footprint

import (
	"fmt"
	"os"
	"strings"

	"github.com/prometheus/procfs"
)

// The two ways of counting kernel memory.
const (
	MethodSlab = "slabinfo"
	MethodMem  = "meminfo"
)

// counted are the slab caches a TCP connection with its file and its epoll
// registration lives in, and why. proc_inode_cache is not among them: whoever
// walks /proc/*/fd meanwhile inflates it.
var counted = map[string]string{
	"TCP":                "struct tcp_sock, IPv4",
	"TCPv6":              "struct tcp6_sock",
	"sock_inode_cache":   "struct socket and its inode",
	"filp":               "struct file",
	"dentry":             "the socket file's dentry",
	"eventpoll_epi":      "the epoll registration",
	"eventpoll_pwq":      "its wait queue entry, where not part of epi",
	"ep_head":            "head of a file's list of registrations",
	"lsm_inode_cache":    "the security module's part of the inode",
	"lsm_file_cache":     "the security module's part of the file",
	"request_sock_TCP":   "a handshake under way",
	"request_sock_TCPv6": "a handshake under way, IPv6",
	"tw_sock_TCP":        "TIME_WAIT",
	"tw_sock_TCPv6":      "TIME_WAIT, IPv6",
	"tcp_bind_bucket":    "a local port in use",
	"tcp_bind2_bucket":   "a local address and port in use",
	"skbuff_head_cache":  "a packet's head",
	"nf_conntrack":       "connection tracking",
}

// kmalloc gathers the general caches: the memory controller's per-slab arrays
// and epoll's smaller parts come from there.
const kmalloc = "kmalloc-*"

// procInode is the cache of /proc's own inodes, and perProcInode the caches of
// which each of them has an object.
const procInode = "proc_inode_cache"

var perProcInode = map[string]bool{"dentry": true, "lsm_inode_cache": true}

// procInodes is how many inodes of /proc there are.
func procInodes(info procfs.SlabInfo) uint64 {
	for _, s := range info.Slabs {
		if s.Name == procInode {
			return uint64(s.ObjActive)
		}
	}
	return 0
}

// CacheUse is one slab cache, from /proc/slabinfo.
type CacheUse struct {
	Name    string
	Objects uint64 // in use
	Bytes   uint64 // num_slabs x pagesperslab x page size: in pages actually taken
}

// Kernel is the kernel memory that connections take, at one moment.
type Kernel struct {
	Method string // MethodSlab or MethodMem
	Why    string // why not slabinfo
	Caches []CacheUse
	Bytes  uint64 // the sum of Caches, or Mem.Used
	// Walked is what somebody's reading of /proc/PID/fd has left behind: an
	// inode, a dentry and a security blob for each fd it saw. It is in no
	// cache above, because it is not the connections' cost.
	Walked uint64
	Mem    Mem
}

// Kernel counts the named caches in /proc/slabinfo, which root may read.
// Without permission it falls back to all memory that is not page cache.
func (p Proc) Kernel() (Kernel, error) {
	mem, err := p.Mem()
	if err != nil {
		return Kernel{}, err
	}
	k := Kernel{Method: MethodSlab, Mem: mem}
	info, err := p.fs.SlabInfo()
	if err != nil {
		k.Method, k.Why, k.Bytes = MethodMem, fmt.Sprintf("slabinfo cannot be read: %v", err), mem.Used()
		return k, nil
	}
	page := uint64(os.Getpagesize())
	general := CacheUse{Name: kmalloc}
	walked := procInodes(info)
	for _, s := range info.Slabs {
		use := CacheUse{Name: s.Name, Objects: uint64(s.ObjActive), Bytes: uint64(s.SlabNum) * uint64(s.PagesPerSlab) * page}
		if perProcInode[s.Name] && s.ObjNum > 0 {
			share := use.Bytes * min(walked, uint64(s.ObjNum)) / uint64(s.ObjNum)
			k.Walked += share
			use.Bytes -= share
			use.Objects = less(use.Objects, walked)
		}
		switch {
		case s.Name == procInode:
			k.Walked += use.Bytes
		case strings.HasPrefix(s.Name, "kmalloc-"):
			general.Objects += use.Objects
			general.Bytes += use.Bytes
		case counted[s.Name] != "":
			k.Caches = append(k.Caches, use)
			k.Bytes += use.Bytes
		}
	}
	k.Caches = append(k.Caches, general)
	k.Bytes += general.Bytes
	return k, nil
}
