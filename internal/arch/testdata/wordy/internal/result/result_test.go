package result

var said = "a test may say 100 %"
