package com.cloudbees.groovy.cps

import java.lang.annotation.*

/** Stands for groovy-cps' own: what carries it is not transformed. */
@Retention(RetentionPolicy.RUNTIME)
@Target([ElementType.METHOD, ElementType.CONSTRUCTOR, ElementType.TYPE])
@interface NonCPS { }
