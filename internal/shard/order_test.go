package shard

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"syscall"
	"testing"

	"github.com/c10m/c10m/internal/sys"
)

// TestOrder: workers keep the order of their sockets in the kernel's groups,
// which moves the last one into a gap.
func TestOrder(t *testing.T) {
	var o order
	for _, tt := range []struct {
		does string
		who  int
		want []int
	}{
		{"joins", 0, []int{0}}, {"joins", 2, []int{0, 2}}, {"joins", 1, []int{0, 2, 1}}, {"joins", 3, []int{0, 2, 1, 3}},
		{"leaves", 2, []int{0, 3, 1}}, {"leaves", 7, []int{0, 3, 1}}, {"leaves", 1, []int{0, 3}},
		{"joins", 2, []int{0, 3, 2}},
		{"leaves", 0, []int{2, 3}}, {"leaves", 3, []int{2}}, {"leaves", 2, []int{}},
	} {
		if tt.does == "joins" {
			o.join(tt.who)
		} else {
			o.leave(tt.who)
		}
		if !slices.Equal(o.workers, tt.want) || o.unknown {
			t.Errorf("%d %s: %+v, want %v", tt.who, tt.does, o, tt.want)
		}
	}
	o.join(4)
	if o.join(4); !o.unknown || len(o.workers) != 1 {
		t.Errorf("one that joins again: %+v, want one, in an order that is not known", o)
	}
}

// TestOrderKernel: the kernel keeps them in that order, whoever comes and goes.
func TestOrderKernel(t *testing.T) {
	at := netip.MustParseAddr("127.0.0.1")
	port := uint16(0)
	sockets := map[int]int{} // fd by worker
	defer func() {
		for _, fd := range sockets {
			sys.Close(fd)
		}
	}()
	var o order
	rnd := rand.New(rand.NewPCG(1, 2))
	for step := range 60 {
		if worker := rnd.IntN(8); sockets[worker] == 0 {
			sockets[worker], port = listen(t, port)
			o.join(worker)
		} else if len(sockets) > 1 {
			sys.Close(sockets[worker])
			delete(sockets, worker)
			o.leave(worker)
		}
		// All that comes is to go to one of them.
		i := rnd.IntN(len(o.workers))
		weights := make([]uint32, len(o.workers))
		weights[i] = 1
		fd := sockets[o.workers[i]]
		if err := sys.Steer([]int{fd}, sys.NewSteerKey(), weights); err != nil {
			t.Fatal(err)
		}
		c, errno := sys.Socket(sys.Family(at))
		if errno != 0 {
			t.Fatal(errno)
		}
		to := sys.NewAddr(at, port)
		_ = sys.Connect(c, &to)
		got, _, err := syscall.Accept4(fd, syscall.SOCK_CLOEXEC)
		if err != nil {
			t.Fatalf("step %d, %v: what was to go to worker %d has not: %v", step, o.workers, o.workers[i], err)
		}
		sys.Close(got)
		sys.Close(c)
	}
}

// listen makes a socket that shares port, 0 for a free one, with others.
func listen(t *testing.T, port uint16) (fd int, bound uint16) {
	t.Helper()
	fd, errno := sys.Socket(syscall.AF_INET)
	if errno != 0 {
		t.Fatal(errno)
	}
	const reusePort = 15 // SO_REUSEPORT, which package syscall has not
	at := &syscall.SockaddrInet4{Port: int(port), Addr: [4]byte{127, 0, 0, 1}}
	err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, reusePort, 1)
	err = errors.Join(err, syscall.Bind(fd, at), syscall.Listen(fd, 16))
	name, nameErr := syscall.Getsockname(fd)
	if err = errors.Join(err, nameErr); err != nil {
		t.Fatal(err)
	}
	return fd, uint16(name.(*syscall.SockaddrInet4).Port)
}

func TestWeigh(t *testing.T) {
	for _, tt := range []struct {
		room []int64
		want []uint32
	}{
		{[]int64{100, 100, 100}, []uint32{1, 1, 1}},
		{[]int64{100, 99, 101}, []uint32{1, 1, 1}},
		{[]int64{200, 260, 1000}, []uint32{1, 2, 4}},
		{[]int64{1000, 600, 510}, []uint32{1, 1, 1}},
		{[]int64{1000, 0, 400}, []uint32{2, 0, 1}},
		{[]int64{1000, 3, 1000}, []uint32{1, 0, 1}},
		{[]int64{0, 0}, []uint32{1, 1}},
		{[]int64{-5, 10}, []uint32{0, 1}},
		{nil, []uint32{}},
	} {
		if got := weigh(tt.room); !slices.Equal(got, tt.want) {
			t.Errorf("weigh(%v) = %v, want %v", tt.room, got, tt.want)
		}
	}
}

// TestNewestGetsMost: workers that are added one by one all fill up together.
func TestNewestGetsMost(t *testing.T) {
	const limit = 20_000
	open := []int64{0, 0}
	for len(open) < 100 {
		sum := int64(0)
		for _, n := range open {
			sum += n
		}
		if fullOf*sum >= fullPart*limit*int64(len(open)) {
			open = append(open, 0)
		}
		room := make([]int64, len(open))
		for i, n := range open {
			room[i] = limit - n
		}
		weights := weigh(room)
		all := int64(0)
		for _, w := range weights {
			all += int64(w)
		}
		for i, w := range weights {
			open[i] += 2000 * int64(w) / all
			if open[i] > limit {
				t.Fatalf("%d workers: number %d has %d of %d: %v", len(open), i, open[i], limit, fmt.Sprint(weights))
			}
		}
	}
}
