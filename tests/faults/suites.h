/* SPDX-License-Identifier: MIT */
#ifndef FAULT_SUITES_H
#define FAULT_SUITES_H

#include "faults.h"
#include "suite.h"

Suite *passes_suite(void);
Suite *start_suite(void);

/* One call and the errors that it can have; 0 ends them. */
struct fault_row {
  enum fault_call call;
  int errors[10];
};

/* Memory, descriptors, and what else may pass. */
#define FAULTS_OF_MEMORY                                                       \
  { ENOMEM }
#define FAULTS_OF_OPENING                                                      \
  { EMFILE, ENFILE, ENOMEM, EIO, EACCES, EINTR, EAGAIN }

#endif
