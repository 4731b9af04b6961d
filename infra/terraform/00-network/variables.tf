variable "cidr" {
  description = "Addresses of the VPC."
  type        = string
  default     = "10.20.0.0/16"

  validation {
    condition     = can(cidrsubnet(var.cidr, 8, 0)) && tonumber(split("/", var.cidr)[1]) <= 20
    error_message = "cidr needs room for subnets: write a network of /20 or larger, such as 10.20.0.0/16."
  }
}

variable "zones" {
  description = "Availability zones; a load balancer needs two."
  type        = list(string)

  validation {
    condition     = length(distinct(var.zones)) >= 2 && length(distinct(var.zones)) == length(var.zones)
    error_message = "zones needs two different availability zones or more."
  }
}

variable "clients" {
  description = "Networks that may reach the load balancer."
  type        = set(string)
  default     = ["0.0.0.0/0"]
}

variable "port" {
  description = "The port on which the service listens."
  type        = number
  default     = 8000
}

variable "log_days" {
  description = "How long logs are kept."
  type        = number
  default     = 30
}
