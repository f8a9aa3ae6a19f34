package main

import (
	"fmt"
	"strconv"
	"strings"
)

// mostPID is the largest process id, PID_MAX_LIMIT of linux/threads.h.
const mostPID = 1 << 22

// pids are processes, parted by commas or by giving the flag again.
type pids []int

func (p *pids) String() string {
	var words []string
	for _, pid := range *p {
		words = append(words, strconv.Itoa(pid))
	}
	return strings.Join(words, ",")
}

// Type names the kind of value.
func (*pids) Type() string { return "processes" }

// Set adds N[,N].
func (p *pids) Set(text string) error {
	for _, word := range strings.Split(text, ",") {
		pid, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || pid < 1 || pid > mostPID {
			return fmt.Errorf("%q: the legal range is 1..%d", word, mostPID)
		}
		*p = append(*p, pid)
	}
	return nil
}
