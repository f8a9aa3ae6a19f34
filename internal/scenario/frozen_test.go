package scenario

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/c10m/c10m/internal/foreign"
	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
)

// endpoint is a control endpoint without a network.
type endpoint func(*http.Request) (*http.Response, error)

func (e endpoint) RoundTrip(q *http.Request) (*http.Response, error) { return e(q) }

// frozen takes a request and never answers.
func frozen(q *http.Request) (*http.Response, error) {
	<-q.Context().Done()
	return nil, q.Context().Err()
}

// large answers for its counts, and takes too long for its memory.
func large(q *http.Request) (*http.Response, error) {
	if q.URL.RawQuery == "memory=0" {
		return ready(q)
	}
	return frozen(q)
}

func ready(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(
		`{"schema":"` + result.ServerSchema + `"}`))}, nil
}

// An endpoint that does not answer is waited for once: what is asked after that is not,
// until it has answered again. Who had no time to wait tells nothing about it.
func TestSilentEndpointIsWaitedForOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newControl(t.Context(), "http://127.0.0.1:9090")
		took := func(e endpoint, ctx context.Context, ask func(context.Context) (*result.ServerReport, error)) (
			time.Duration, error) {
			c.http.Transport = e
			began := time.Now()
			_, err := ask(ctx)
			return time.Since(began), err
		}
		short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if d, err := took(frozen, short, c.counts); d != time.Millisecond || err == nil {
			t.Errorf("a caller with a millisecond waits %v, %v", d, err)
		}
		for i, want := range []time.Duration{c.waits.memory, c.waits.again, c.waits.again} {
			d, err := took(frozen, t.Context(), c.report)
			if d != want {
				t.Errorf("time %d it is waited for %v, want %v", i+1, d, want)
			}
			if text := report.Error(err); !strings.Contains(text, "9090 does not answer (not within 1") {
				t.Errorf("error %q", text)
			}
		}
		for range 2 {
			if d, _ := took(large, t.Context(), c.report); d != c.waits.memory {
				t.Errorf("memory that takes long is waited for %v, want %v", d, c.waits.memory)
			}
		}
		if d, err := took(ready, t.Context(), c.counts); d != 0 || err != nil {
			t.Errorf("it answers after %v, %v", d, err)
		}
		if d, _ := took(frozen, t.Context(), c.counts); d != c.waits.counts {
			t.Errorf("after an answer it is waited for %v, want %v", d, c.waits.counts)
		}
	})
}

// A peak ends once the server answers nobody, which no lower number of users would
// change.
func TestPeakOfServerThatAnswersNobody(t *testing.T) {
	refused := func(*http.Request) (*http.Response, error) { return nil, errors.New("refused") }
	for _, tt := range []struct {
		name           string
		endpoint       endpoint
		foreign        *foreign.Server
		received, hung int64
		want           string
	}{
		{"frozen in the middle of a run", frozen, nil, 1000, 20, "does not answer"},
		{"ended", refused, nil, 1000, 0, "refused"},
		{"too slow for all users", ready, nil, 0, 20, ""},
		{"without an endpoint, and no answer", nil, nil, 0, 20, "not one user"},
		{"without an endpoint, and some answers", nil, nil, 1, 20, ""},
		{"without an endpoint, all connects failed", nil, nil, 0, 0, ""},
		{"not ours, and no answer", nil, &foreign.Server{}, 0, 20, "not one user"},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := &churn{Prepared: &Prepared{control: newControl(t.Context(), "")},
				res: &result.Result{Echo: &result.Echo{Received: tt.received, Lost: tt.hung}}}
			if c.control.foreign = tt.foreign; tt.endpoint != nil {
				c.control = newControl(t.Context(), "http://127.0.0.1:9090")
				c.control.http.Transport = tt.endpoint
			}
			err := c.answersNobody(t.Context())
			if (err != nil) != (tt.want != "") || err != nil && !strings.Contains(report.Error(err), tt.want) {
				t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
			}
			p := &peak{}
			p.giveUp(err)
			r := &result.Result{Echo: &result.Echo{}}
			got := p.result(t.Context(), &peakStep{users: 1, r: r}, nil)
			if err != nil && !strings.Contains(report.Warning(got.Warnings[0]), tt.want) {
				t.Errorf("%s: %v", tt.name, got.Warnings)
			}
		})
	}
}
