// app/report_html.h: the clean-up list as a page for somebody who was not there: it prints on paper, needs nothing from elsewhere and
// runs nothing.
#pragma once

#include <string>

#include "audit/clean_up.h"

namespace notaus::app {

std::string report_html(const audit::CleanUp& found, const std::string& host);

}  // namespace notaus::app
