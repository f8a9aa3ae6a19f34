// Package report words what a run found out. It takes a result.Result and returns
// text, an HTML page, Markdown or CSV; it also draws the live line and compares
// results.
//
//	err := report.WriteText(os.Stdout, r)
//	err = report.WriteHTML(file, r)
//	c, err := report.Compare(groups, thresholds)
//
// # How it is built
//
// A report is a list of sections (section.go): tables, figures, warnings, notes.
// Each part of a result has a function that makes its section: setup.go, memory.go,
// outcome_peak.go and so on. The text, the page, the Markdown and the CSV render the
// same sections (sheet.go), so they cannot differ in what they say; the page has plots
// (package plot) in addition, and the CSV what they are drawn from. A comparison is
// such a sheet (compare_sheet.go), and so is what bench/ writes (document.go).
//
// # Where to change what
//
//	a figure of an outcome   outcome_NAME.go
//	a warning's sentence     warnings.go; an error's: faults.go
//	a finding's words        findings.go; of what a server refuses: refusals.go
//	a cure                   cures.go
//	a plot of the page       html_plots.go, html_labs.go
//	an output format         a file with its Write function
//
// Units and their spelling come from package unit. What is uncertain is said to be
// so or left out; the package computes no new figure.
package report
