// Package foreign reports a server that is not ours, seen from outside: the memory
// and processor time of its processes, and the connections that it holds, in the
// same form as a server of ours does on its control endpoint.
//
// It never touches the server. Its listening ports are looked up once among the
// fds of its processes; from then on connections are counted by sock_diag(7) in the
// server's network namespace, and never by listing /proc/PID/fd, which would take
// kernel memory for each of them.
//
//	s, err := foreign.Find(fp, foreign.Who{PIDs: []int{4711}})
//	if err != nil {
//		return err
//	}
//	report, err := s.Exact()
package foreign
