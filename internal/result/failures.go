package result

// Hung is how many users were still waiting for an answer when the run ended, long
// after the message. Messages of lost connections are not among them, nor what an
// interrupt left unanswered.
func (r *Result) Hung() int64 {
	if r.Interrupt || r.Echo == nil {
		return 0
	}
	return max(0, r.Echo.Lost-r.Conns.Lost)
}

// Failures are the tries that failed: connects, connections lost and messages
// without an answer, each as one transaction.
func (r *Result) Failures() int64 { return r.Conns.Failed + r.Conns.Lost + r.Hung() }

// ErrorShare is the share of all tries that failed, or of users that hang if that
// is more: a user that hangs makes no more tries, while the others do many
// transactions.
func (r *Result) ErrorShare(users int64) float64 {
	failed := r.Failures()
	if failed == 0 {
		return 0
	}
	tries := failed
	if r.Echo != nil {
		tries += r.Echo.Received
	}
	return max(float64(failed)/float64(tries), float64(r.Hung())/float64(max(1, users)))
}
