package plan

// one line

// one line

// one line

// one line

// one line

// one line

// one line

// one line

// one line

// one line
