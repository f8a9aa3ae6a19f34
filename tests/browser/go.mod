module github.com/c10m/c10m/tests/browser

go 1.26.0

replace github.com/c10m/c10m => ../../

require (
	github.com/c10m/c10m v0.0.0-00010101000000-000000000000
	github.com/chromedp/cdproto v0.159.0
	github.com/chromedp/chromedp v0.22.1
)

require github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect
