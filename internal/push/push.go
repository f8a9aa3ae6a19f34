package push

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
)

// Config says what is pushed, where to and how often.
type Config struct {
	URL     string // of the collector; without a path it gets OTLP's own, /v1/metrics
	Every   time.Duration
	Service string // service.name
	Version string // service.version
	// Gather reads the metrics. It is called from one goroutine.
	Gather func() ([]*dto.MetricFamily, error)
}

const (
	// pushTime bounds one push. stopTime bounds Stop: the push under way, and a last one.
	pushTime = 10 * time.Second
	stopTime = 2 * time.Second
	// metricsPath is where OTLP over HTTP takes metrics, OTLP specification 1.x,
	// "OTLP/HTTP Request".
	metricsPath = "/v1/metrics"
)

// Pusher pushes until it is stopped.
type Pusher struct {
	config   Config
	exporter *otlpmetrichttp.Exporter
	resource *resource.Resource
	began    time.Time
	ctx      context.Context // of all pushes; it is cancelled stopTime after Stop is called
	cancel   context.CancelFunc
	stop     chan struct{}
	ended    chan struct{}
	once     sync.Once

	sent, failed int64 // pushes; only the goroutine uses them until it has ended
	first        error
}

// CheckURL says what is wrong with the URL of a collector.
func CheckURL(text string) error {
	_, err := endpoint(text)
	return err
}

// endpoint is the URL with metricsPath, unless it has a path of its own.
func endpoint(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("%q: want a URL like http://collector:4318, of OTLP over HTTP", text)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = metricsPath
	}
	return u.String(), nil
}

// Start begins to push; the first push is at once.
func Start(c Config) (*Pusher, error) {
	to, err := endpoint(c.URL)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	exporter, err := otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpointURL(to), otlpmetrichttp.WithTimeout(pushTime),
		otlpmetrichttp.WithRetry(otlpmetrichttp.RetryConfig{})) // no retry: the next push is newer
	if err != nil {
		cancel()
		return nil, fmt.Errorf("make exporter: %w", err)
	}
	from, err := resource.New(ctx, resource.WithFromEnv(), resource.WithAttributes(
		attribute.String("service.name", c.Service), attribute.String("service.version", c.Version)))
	if err != nil {
		cancel()
		return nil, fmt.Errorf("describe this program: %w", err)
	}
	p := &Pusher{config: c, exporter: exporter, resource: from, began: time.Now(), ctx: ctx, cancel: cancel,
		stop: make(chan struct{}), ended: make(chan struct{})}
	go p.run()
	return p, nil
}

func (p *Pusher) run() {
	defer close(p.ended)
	tick := time.NewTicker(p.config.Every)
	defer tick.Stop()
	for {
		p.push()
		select {
		case <-p.stop:
			p.push() // what the run ended with
			return
		case <-tick.C:
		}
	}
}

// push sends all metrics as they are now.
func (p *Pusher) push() {
	ctx, cancel := context.WithTimeout(p.ctx, pushTime)
	defer cancel()
	families, err := p.config.Gather()
	if err == nil {
		err = p.exporter.Export(ctx, &metricdata.ResourceMetrics{Resource: p.resource,
			ScopeMetrics: []metricdata.ScopeMetrics{{Metrics: convert(families, p.began, time.Now())}}})
	}
	if err == nil {
		p.sent++
		return
	}
	p.failed++
	if p.first == nil {
		p.first = err
	}
}

// errGone is the failure of a push that was still under way at the end of stopTime.
var errGone = errors.New("the collector did not answer in time")

// Stop pushes once more and ends, within stopTime. It returns how many pushes
// arrived, how many did not, and why the first of them did not.
func (p *Pusher) Stop() (sent, failed int64, first error) {
	p.once.Do(func() { close(p.stop) })
	late := time.AfterFunc(stopTime, p.cancel)
	defer late.Stop()
	select {
	case <-p.ended:
		p.cancel()
		_ = p.exporter.Shutdown(context.Background()) // nothing is buffered that could be lost
		return p.sent, p.failed, p.first
	case <-time.After(stopTime + stopTime/2): // Config.Gather does not return
		return 0, 1, errGone
	}
}
