package result

import _ "example.org/app/server"
