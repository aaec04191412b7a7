"""A small application as hosts write them: audited writes by HTTP and by a background job, right or wrong on demand."""
