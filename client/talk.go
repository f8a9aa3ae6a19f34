package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/fill"
	"github.com/c10m/c10m/internal/plan"
)

// talk are the flags of what is said and what answers it, as they were typed.
type talk struct {
	message, first, expect string
}

// declareTalk is for all that send messages: what they say, and what answers.
func (t *target) declareTalk() {
	f := t.Flags
	f.Group("What is said")
	f.Add(cli.Text(&t.said.message, ""), "message", "STRING|@FILE",
		"in place of bytes that differ each time; with "+fill.Legal, cli.Rare,
		cli.Unset("bytes of --size"))
	f.Add(cli.Text(&t.said.expect, ""), "expect", "echo|any|none|WORDS",
		"what answers: the same, the next message, or the next with WORDS in it", cli.Rare,
		cli.Unset("echo; any with --first"))
	f.Add(cli.Switch(&t.Talk.Deflate), "deflate", "", "offer permessage-deflate (RFC 7692), no context kept", cli.Rare)
	f.Add(cli.Int(&t.Talk.Skip, 0, 0, plan.MaxSkip), "skip", "N",
		"messages that the server sends first, like greetings", cli.Rare)
}

// declareFirst is for connections that are held.
func (t *target) declareFirst() {
	t.Flags.Group("What is said")
	t.Flags.Add(cli.Text(&t.said.first, ""), "first", "STRING|@FILE",
		"once connected, before all else: a login, a subscription", cli.Rare)
}

// checkTalk reads what is to be said, and refuses what cannot be meant.
func (t *target) checkTalk() (err error) {
	if t.Talk.Message, err = t.payload("message", t.said.message); err != nil {
		return err
	}
	if t.Talk.First, err = t.payload("first", t.said.first); err != nil {
		return err
	}
	switch t.Talk.Expect = t.said.expect; {
	case t.given("expect") && (t.said.expect == "" || len(t.said.expect) > plan.MaxExpect):
		return fmt.Errorf("--expect %.20q: want echo, any, none, or 1..%d bytes that an answer has in it",
			t.said.expect, plan.MaxExpect)
	case t.Talk.Expect == "" && t.Talk.First != "":
		t.Talk.Expect = plan.ExpectAny
	}
	switch {
	case t.Talk.Deflate && t.Proto == plan.TCP:
		return errors.New("--deflate wants --proto ws: it is an extension of WebSocket")
	case t.Talk.Message != "" && t.given("size"):
		return errors.New("--size and --message: the message has a size of its own; give one of them")
	case t.Talk.Echoes() && t.Proto != plan.WS && (t.Talk.Skip > 0 || t.Talk.First != ""):
		return errors.New("--skip and --first with --expect echo want --proto ws: " +
			"over TCP nothing parts a greeting from an echo; see --expect any")
	}
	return t.checkText()
}

// checkText sends as text frames what is text, unless --text says otherwise.
func (t *target) checkText() error {
	text, given := t.Talk.IsText()
	text = text && utf8.ValidString(string(t.Lines)) // which may be part of it
	switch {
	case !given || t.Proto == plan.TCP:
	case !t.given("text"):
		t.WebSocket.Text = text
	case t.WebSocket.Text && !text:
		return errors.New("--text: --message or --first is no UTF-8, which a text frame must be (RFC 6455 section 5.6)")
	}
	return nil
}

// checkAnswers is about connections that are held: what nobody answers is not
// verified, and one that is no echo answers only what it is told.
func (t *target) checkAnswers() error {
	none := t.Talk.Expect == plan.ExpectNone
	switch {
	case t.Talk.Echoes():
	case none && t.Scenario == "echo" && t.MessageRate == 0:
		return errors.New("--expect none wants --rate: without answers nothing else holds the messages back")
	case none && t.given("verify") && t.Verify > 0:
		return fmt.Errorf("--verify %d: --expect none leaves no answer to verify", t.Verify)
	case none || t.Talk.Message == "" && !t.given("verify"):
		t.Verify = 0
	}
	return nil
}

// payload is what a flag has to say: itself, or a file's contents.
func (t *target) payload(flag, text string) (plan.Payload, error) {
	name, isFile := strings.CutPrefix(text, "@")
	switch {
	case !t.given(flag):
		return "", nil
	case isFile:
		contents, err := readAtMost(name, plan.MaxPayload)
		if err != nil {
			return "", fmt.Errorf("--%s: %w", flag, err)
		}
		text = contents
	}
	if len(text) < 1 || len(text) > plan.MaxPayload {
		return "", fmt.Errorf("--%s: a message of %d bytes: the legal range is 1..%d", flag, len(text), plan.MaxPayload)
	}
	parsed, err := fill.Parse(text)
	if err != nil {
		return "", fmt.Errorf("--%s: %w", flag, err)
	}
	if parsed.NeedsLines() {
		if err := t.needLines("--" + flag); err != nil {
			return "", err
		}
	}
	if n := parsed.Max(t.lines); n > plan.MaxPayload {
		return "", fmt.Errorf("--%s: a message of up to %d bytes: at most %d are legal", flag, n, plan.MaxPayload)
	}
	return plan.Payload(text), nil
}

// readAtMost reads a file, but not more than a byte beyond what is legal: whoever
// asked refuses that.
func readAtMost(name string, most int64) (string, error) {
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	contents, err := io.ReadAll(io.LimitReader(file, most+1))
	return string(contents), err
}
