// Package arch holds no code, only the test that the code keeps to
// ARCHITECTURE.md: which package may import which, which one owns which foreign
// API, and that every package has its row in the table there.
//
// A new package needs a place in the layers of arch_test.go and a row in
// ARCHITECTURE.md; a new dependency needs a line that says which package owns it.
package arch
