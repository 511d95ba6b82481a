/* SPDX-License-Identifier: MIT */
#ifndef FAULT_SUITES_H
#define FAULT_SUITES_H

#include "faults.h"
#include "suite.h"

Suite *names_suite(void);
Suite *passes_suite(void);
Suite *start_suite(void);

/* A call and the errors that it can return; 0 ends them. */
struct fault_row {
  enum fault_call call;
  int errors[10];
};

/* Out of memory, out of descriptors, and other errors that can be temporary. */
#define FAULTS_OF_MEMORY                                                       \
  { ENOMEM }
#define FAULTS_OF_OPENING                                                      \
  { EMFILE, ENFILE, ENOMEM, EIO, EACCES, EINTR, EAGAIN }

#endif
