package result

import _ "example.org/app/client"
