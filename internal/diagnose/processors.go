package diagnose

import "github.com/c10m/c10m/internal/result"

// Whom processors keep busy.
const (
	SoftirqBound   = "soft_interrupts"
	ProcessorsBusy = "all_processors_busy"
	OthersBusy     = "others_use_the_processors"
	Stolen         = "processors_taken_by_the_hypervisor"
	ServerThread   = "one_server_thread_busy"
	ClientThread   = "the_client_is_busy"
)

var processorRules = []rule{
	{[]string{SoftirqBound}, softirqBound},
	{[]string{Stolen, ProcessorsBusy, OthersBusy}, processorsBusy},
	{[]string{ServerThread, ClientThread}, threadBound},
}

// softirqBound: one core does the network's work for all.
func softirqBound(w *Window) []result.Finding {
	top, at, sum := 0.0, 0, 0.0
	each := w.cores()
	for i, c := range each {
		sum += c.softirq
		if c.softirq > top {
			top, at = c.softirq, i
		}
	}
	if top < 0.6 {
		return nil
	}
	return one(result.Found(SoftirqBound, 79).Count("core", int64(at)).Count("cores", int64(len(each))).
		Number("core_softirq_share", top).Number("softirq_share", sum/float64(len(each))))
}

// busyMark is the share of all processors' time from which they are called busy.
const busyMark = 0.92

// processorsBusy: nothing is left to compute with; and who has it.
func processorsBusy(w *Window) (found []result.Finding) {
	each := w.cores()
	if len(each) == 0 {
		return nil
	}
	var all, soft, stolen float64
	for _, c := range each {
		all, soft, stolen = all+c.all, soft+c.softirq, stolen+c.stolen
	}
	n := float64(len(each))
	if stolen/n >= 0.1 {
		found = append(found, result.Found(Stolen, 76).Number("stolen_share", stolen/n))
	}
	if (all+stolen)/n < busyMark {
		return found
	}
	has := w.whoHas()
	f := result.Found(ProcessorsBusy, 72).Count("cores", int64(len(each))).Number("busy_share", all/n).
		Number("server_share", has.server.run/n).Number("client_share", has.client.run/n).
		Number("others_share", has.others/n).Number("softirq_share", soft/n)
	if s := w.Seen; s.Looks > 0 && s.Runnable > 0 {
		f = f.Number("runnable_mean", float64(s.Runnable)/float64(s.Looks))
	}
	if server := has.server; server.want > 0 {
		f = f.Number("server_waited_cores", server.want-server.run)
	}
	if has.otherPrograms > 0.4*all {
		f.Code, f.Severity = OthersBusy, 77
	}
	return append(found, f)
}

// holders share the processors' busy time out, in cores: server, client and
// others add up to it.
type holders struct {
	server, client shares
	others         float64
	// otherPrograms is the least of others that other programs have.
	otherPrograms float64
}

// whoHas says who had the processors. Time in soft interrupts is no part of its
// own: by default the kernel charges a soft interrupt to the thread that it
// interrupts, or that sent the packet, so that it is in the threads' time
// already. A kernel with CONFIG_IRQ_TIME_ACCOUNTING takes it out of the threads'
// time again (update_rq_clock_task in kernel/sched/core.c), and then it is in
// others. Which kernel this is can be told only where threads and soft interrupts
// together come to more than there was.
func (w *Window) whoHas() (h holders) {
	var all, soft float64
	for _, c := range w.cores() {
		all, soft = all+c.all, soft+c.softirq
	}
	h.server = total(used(w.Before.Server, w.After.Server, w.seconds()))
	h.client = total(used(w.Before.Client, w.After.Client, w.seconds()))
	h.others = max(0, all-h.server.run-h.client.run)
	h.otherPrograms = h.others
	if h.server.run+h.client.run+soft <= all {
		h.otherPrograms = max(0, h.others-soft)
	}
	return h
}

func total(all []shares) (sum shares) {
	for _, s := range all {
		sum.run, sum.want = sum.run+s.run, sum.want+s.want
	}
	return sum
}

// wholeCore is the share of a core from which a thread is called busy.
const wholeCore = 0.95

// threadBound: one thread works all the time while others do not. A thread
// that is ready to run and gets no processor counts as working.
func threadBound(w *Window) (found []result.Finding) {
	servers := used(w.Before.Server, w.After.Server, w.seconds())
	if s, t, ok := busiestThread(servers); ok {
		found = append(found, ranAndWaited(result.Found(ServerThread, 71), t).Count("tid", int64(t.TID)).
			Word("thread", t.Name).Count("pid", int64(s.PID)).Word("process", s.Name))
	}
	if _, t, ok := busiestThread(used(w.Before.Client, w.After.Client, w.seconds())); ok {
		found = append(found, ranAndWaited(result.Found(ClientThread, 58), t).
			Number("server_cores", total(servers).run))
	}
	return found
}

// busiestThread is of the first process that has one which is busy all the time.
func busiestThread(all []shares) (of shares, t threadShare, ok bool) {
	for _, s := range all {
		if t = s.top(); t.want >= wholeCore {
			return s, t, true
		}
	}
	return of, t, false
}

func ranAndWaited(f result.Finding, t threadShare) result.Finding {
	return f.Number("ran_share", t.run).Number("waited_share", t.want-t.run)
}
